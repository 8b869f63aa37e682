"""dev/setup.sh against a local index of stub wheels: which torch it installs, whom it asks, what it reports missing.

Every test runs the real script with real pip in a folder of its own. No test uses the network.
"""

import base64
import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.conftest import ROOT

TORCH = "2.13.0"
BACKEND = """
import zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "w2s-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        info = "w2s-0.1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: w2s\\nVersion: 0.1.0\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""
"""A build backend without setuptools, which a fresh environment of Python 3.12 does not have."""


def wheel(index: Path, name: str, version: str, code: str, requires: str = "") -> None:
    """Add a wheel of one module to a package index in a folder."""
    info, folder = f"{name}-{version}.dist-info", index / name
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": metadata + (f"Requires-Dist: {requires}\n" if requires else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with ZipFile(path, "w") as archive:
        record = ""
        for file, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{file},sha256={digest},{len(text)}\n"
            archive.writestr(file, text)
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    links = "".join(f'<a href="{file.name}">{file.name}</a>\n' for file in sorted(folder.glob("*.whl")))
    (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")


def torch_wheel(index: Path, build: str) -> None:
    """Add a stub of torch: build "cpu", "cuda" as PyPI has it, or "cuda-undeclared" without requirements."""
    label = "+cpu" if build == "cpu" else ""
    cuda = None if build == "cpu" else "13.0"
    code = f"import types\n__version__ = '{TORCH}{label}'\nversion = types.SimpleNamespace(cuda={cuda!r})\n"
    wheel(index, "torch", TORCH + label, code, requires="nvidia-cudnn-cu13==9.20" if build == "cuda" else "")


class Clone:
    """A clone of w2s with two locked packages, a package index of its own and an index of CPU wheels."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.index, self.cpu_index = folder / "clone", folder / "index", folder / "cpu"
        for name in ("dev", "docker"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "dev/setup.sh").write_text((ROOT / "dev/setup.sh").read_text())
        (self.folder / "dev/imports.py").write_text("import sys\nsys.dont_write_bytecode = False\nimport other\n")
        (self.folder / "docker/requirements-cpu.txt").write_text(f"# locked\nother==1.0\ntorch=={TORCH}\n")
        (self.folder / "backend.py").write_text(BACKEND)
        (self.folder / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        )
        wheel(self.index, "other", "1.0", "")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")} | {
            "PYTHON": sys.executable,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": self.index.as_uri(),
            "PIP_NO_CACHE_DIR": "1",
            "TORCH_INDEX": self.cpu_index.as_uri(),
        }

    def set_up(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "dev/setup.sh"],
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=900,
        )

    def python(self, code: str) -> str:
        return subprocess.check_output([str(self.folder / ".venv/bin/python"), "-c", code], text=True).strip()

    def programs(self, *names: str, **scripts: str) -> str:
        """A PATH with these programs of the machine and these scripts, and nothing else."""
        folder = self.folder.parent / "bin"
        folder.mkdir()
        for name in names:
            found = subprocess.check_output(["bash", "-c", f"type -P {name}"], text=True).strip()
            (folder / name).symlink_to(found)
        for name, text in scripts.items():
            (folder / name).write_text(f"#!/bin/bash\n{text}\n")
            (folder / name).chmod(0o755)
        return str(folder)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


BASICS = ("bash", "dirname", "awk", "rm", "grep", "make", "df")


@pytest.mark.slow
def test_the_cpu_build_of_pips_index_is_kept(clone: Clone) -> None:
    torch_wheel(clone.index, "cpu")
    done = clone.set_up(PYTHONDONTWRITEBYTECODE="1")  # there is no CPU index: asking it would fail
    assert done.returncode == 0, done.stderr
    assert list(clone.folder.glob(".venv/lib/*/site-packages/__pycache__/other.*.pyc")), "kept compiled"
    assert "no CPU build" not in done.stdout and not clone.cpu_index.exists()
    assert clone.python("import torch, other; print(torch.__version__)") == f"{TORCH}+cpu"
    assert done.stderr == "" and len(done.stdout.splitlines()) == 2, "pip is quiet"
    assert (clone.folder / ".venv/ready").exists()


@pytest.mark.slow
@pytest.mark.parametrize("build", ["cuda", "cuda-undeclared"])
def test_a_cuda_build_is_replaced_by_the_cpu_build(clone: Clone, build: str) -> None:
    torch_wheel(clone.index, build)
    torch_wheel(clone.cpu_index, "cpu")
    done = clone.set_up()
    assert done.returncode == 0, done.stderr
    assert f"taking it from {clone.cpu_index.as_uri()}" in done.stdout
    assert clone.python("import torch; print(torch.__version__, torch.version.cuda)") == f"{TORCH}+cpu None"


@pytest.mark.slow
def test_a_second_set_up_asks_nobody_for_torch(clone: Clone) -> None:
    torch_wheel(clone.cpu_index, "cpu")  # pip's own index has no torch at all
    imports = clone.folder / "dev/imports.py"
    works = imports.read_text()
    imports.write_text("import gone")
    done = clone.set_up()
    assert done.returncode == 2 and "cannot be imported" in done.stderr and "named 'gone'" in done.stderr, done.stderr
    assert not (clone.folder / ".venv/ready").exists()
    imports.write_text(works)
    done = clone.set_up(TORCH_INDEX="file:///nowhere")
    assert done.returncode == 0, done.stderr
    assert clone.python("import torch; print(torch.__version__)") == f"{TORCH}+cpu"


@pytest.mark.slow
@pytest.mark.parametrize("index", ["", "http://127.0.0.1:9/cpu"], ids=["empty index", "unreachable index"])
def test_without_any_cpu_build_one_line_names_the_way_out(clone: Clone, index: str) -> None:
    """pip retries an unreachable index and reports each retry; none of those lines is shown."""
    torch_wheel(clone.index, "cuda")
    index = index or clone.cpu_index.as_uri()
    done = clone.set_up(TORCH_INDEX=index, PIP_RETRIES="1")
    assert done.returncode == 2 and not (clone.folder / ".venv/ready").exists()
    (line,) = done.stderr.splitlines()
    assert f"no CPU build of torch=={TORCH} from {index} (ERROR: No matching distribution" in line
    assert "set TORCH_INDEX to an index or a mirror" in line


@pytest.mark.slow
def test_what_a_run_imports_is_compiled() -> None:
    """Else each of its processes would compile it again where PYTHONDONTWRITEBYTECODE is set."""
    for name in ("torch", "transformers", "trl", "deepspeed", "ray", "vllm", "vllm.v1.engine.core"):
        spec = importlib.util.find_spec(name)
        assert spec and spec.origin and Path(importlib.util.cache_from_source(spec.origin)).exists(), name


def refused(clone: Clone, message: str, **environment: str) -> None:
    """The set-up ends with one line, before it has made anything."""
    done = clone.set_up(**environment)
    assert done.returncode == 2 and message in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1 and done.stdout == ""
    assert not (clone.folder / ".venv").exists()


def test_missing_make(clone: Clone) -> None:
    path = clone.programs(*[name for name in BASICS if name != "make"])
    refused(clone, "make is missing: install it", PATH=path)


def test_missing_python(clone: Clone) -> None:
    old = clone.programs(*BASICS, python3="exit 1")
    refused(clone, "no Python 3.11, 3.12 or 3.13 found", PATH=old, PYTHON="")
    refused(clone, "found as /no/python", PYTHON="/no/python")


def test_missing_venv_module(clone: Clone) -> None:
    debian = clone.programs(*BASICS, **{"python3.12": '[[ "$2" != *venv* ]]'})
    refused(clone, "python3.12 has no venv module: install it", PATH=debian, PYTHON="")


def test_too_little_disk_space(clone: Clone) -> None:
    names = [name for name in BASICS if name != "df"]
    full = clone.programs(*names, df="echo head; echo /dev/sda 9 9 2048000 9% /")
    refused(clone, f"2000 MB are free in {clone.folder}, 4 GB are needed", PATH=full)


@pytest.mark.slow
def test_the_oldest_python_that_works_is_taken(clone: Clone) -> None:
    """A version manager's shim of a version that is not active fails; the next Python is tried."""
    torch_wheel(clone.index, "cpu")
    shim, works = "exit 127", f'exec {sys.executable} "$@"'
    path = clone.programs(**{"python3.11": shim, "python3.12": works, "python3.13": "exit 1"})
    done = clone.set_up(PATH=f"{path}:{os.environ['PATH']}", PYTHON="")
    assert done.returncode == 0, done.stderr
