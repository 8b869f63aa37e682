"""The published wheel works outside a checkout: its commands, and the shipped models and documents in it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of the wheel, built from a copy of what is committed or new here, in a folder of their own."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    for name in listed.stdout.splitlines():
        if name.startswith(("w2s/", "ray_jobs/", "pyproject.toml", "README.md", "LICENSE")) and (ROOT / name).is_file():
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "source" / name).write_bytes((ROOT / name).read_bytes())
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    made = subprocess.run([sys.executable, *build, str(folder / "source")], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


def python(installed: Path, folder: Path, *arguments: str) -> str:
    """The output of a Python outside the checkout that finds the wheel's packages first."""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_commands_work_outside_a_checkout(installed: Path, tmp_path: Path) -> None:
    places = python(installed, tmp_path, "-c", "import w2s, ray_jobs; print(w2s.__file__, ray_jobs.__file__)").split()
    assert all(place.startswith(str(installed)) for place in places)
    entry = next(installed.glob("*.dist-info/entry_points.txt")).read_text()
    assert "w2s = ray_jobs.cli.main:main" in entry
    plan = python(installed, tmp_path, "-m", "ray_jobs.cli", "plan", "quickstart", "--store", "store")
    assert " 0 to resume" in plan
    assert "quickstart" in python(installed, tmp_path, "-m", "ray_jobs.cli", "list")
    python(installed, tmp_path, "-m", "ray_jobs.cli", "init", "mine.py")
    # The shipped bases and the world's problems, by the steps that need nothing else.
    code = "import w2s; print(w2s.run('quickstart', 'store', only=['problems']).rows('problems', 'test')[0].question)"
    assert python(installed, tmp_path, "-c", code).strip()
    shipped = (
        "from ray_jobs.models.folders import base_folder as b; from w2s.experiments.quickstart import quickstart as q; "
    )
    models = python(installed, tmp_path, "-c", f"{shipped}print(*map(b, (q().weak, q().strong)))").split()
    assert all((Path(model) / "model.safetensors").is_file() for model in models)
    assert all(model.startswith(str(installed)) for model in models)
