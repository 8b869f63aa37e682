"""What docker/check.sh reads in a Dockerfile (dev/dockerfile.py) and builds from, and what it refuses."""

import shutil
import subprocess
from pathlib import Path

import pytest

from dev.build_context import copy_context
from dev.dockerfile import PATH, command, expanded, steps
from tests.conftest import ROOT

BASE = "ARG BASE=debian:12\nFROM $BASE AS base\n"
START = ["base_root debian:12 base"]
END = ["start=()", "health=()", f"container=(base 0 / PATH={PATH})"]


@pytest.mark.parametrize(
    ("lines", "read"),
    [
        ("RUN a \\\n    # why\n    && b", [f"build '' base 0 / PATH={PATH} /bin/sh -c 'a      && b'"]),
        ('RUN ["a", "b c"]', [f"build '' base 0 / PATH={PATH} a 'b c'"]),
        ("RUN --mount=type=cache,target=/x a", [f"build /x base 0 / PATH={PATH} /bin/sh -c a"]),
        ('ENV A=1 B="$PATH c"\nRUN a', [f"build '' base 0 / PATH={PATH} A=1 'B={PATH} c' /bin/sh -c a"]),
        ("ENV A=1\nENV A=2 B=$A\nRUN a", [f"build '' base 0 / PATH={PATH} A=2 B=1 /bin/sh -c a"]),
        ('ARG A="1"\nRUN a', [f"build '' base 0 / A=1 PATH={PATH} /bin/sh -c a"]),
        ("ARG GIVEN=1\nRUN a", [f"build '' base 0 / GIVEN=2 PATH={PATH} /bin/sh -c a"]),
        ("USER 1000\nWORKDIR /w\nRUN a", [f"build '' base 1000 /w PATH={PATH} /bin/sh -c a"]),
        ("COPY . /src", ["copy . base /src"]),
        ("COPY a /b\nRUN a", ["copy a base /b", f"build '' base 0 / PATH={PATH} /bin/sh -c a"]),
    ],
)
def test_instructions(lines: str, read: list[str]) -> None:
    *found, start, health, _ = steps(BASE + lines, "base", {"GIVEN": "2"})
    assert (found, [start, health]) == (START + read, END[:2])


@pytest.mark.parametrize(
    ("lines", "read"),
    [
        ('CMD ["w2s", "--help"]', ["start=(w2s --help)", *END[1:]]),
        (
            "HEALTHCHECK --timeout=30s \\\n    CMD [ ! -e /x ] || exit 1",
            [END[0], "health=(/bin/sh -c '[ ! -e /x ] || exit 1')", END[2]],
        ),
        ("ARG C=\nENV C=$C\nUSER 7\nWORKDIR /w", [*END[:2], f"container=(base 7 /w PATH={PATH} C=abc)"]),
        ("ARG C=", END),  # build arguments end with the build
    ],
)
def test_what_a_container_has(lines: str, read: list[str]) -> None:
    assert list(steps(BASE + lines, "base", {"C": "abc"})) == START + read


def test_stages() -> None:
    """A root that a later stage needs is copied, the last one takes it; other targets are left out."""
    text = """FROM debian:12 AS base
    ENV A=1
    FROM base AS other
    FROM base AS packages
    USER 1
    FROM packages AS project
    FROM base AS target
    COPY --from=project /x /y"""
    assert list(steps(text, "target", {}))[:-3] == [
        "base_root debian:12 base",
        "copy_root base packages",
        "take_root packages project",
        "take_root base target",
        "copy_from project /x target /y",
    ]
    assert list(steps(text, "project", {}))[-1] == f"container=(project 1 / PATH={PATH} A=1)"


@pytest.mark.parametrize(
    "lines",
    [
        "ADD a /b",
        "ENTRYPOINT a",
        "RUN --network=none a",
        "RUN --mount=type=secret,id=a a",
        "RUN <<EOF",
        "COPY --chown=1000 a /b",
        "ENV A=${B:-c}",
        "ENV A='$B'",
    ],
)
def test_what_is_not_read_is_refused(lines: str) -> None:
    with pytest.raises(ValueError, match=r"read|know"):
        list(steps(BASE + lines, "base", {}))


def test_substitution_and_commands() -> None:
    assert expanded("$A/${A}b/$C", {"A": "1"}) == "1/1b/"
    assert command("[ a ]") == ["/bin/sh", "-c", "[ a ]"] and command('["a"]') == ["a"]


def test_the_context_has_what_the_project_is_built_from(tmp_path: Path) -> None:
    copy_context(ROOT, tmp_path)
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {"pyproject.toml", "README.md", "w2s/records.py", "docker/requirements-cpu.txt"} <= found
    assert not any(name.startswith(("tests", ".git", ".venv", "docker/check")) or ".pyc" in name for name in found)


@pytest.mark.parametrize(
    ("programs", "line"),
    [
        ({"id": "echo 1000"}, "check: root is needed for namespaces and chroot: run it with sudo."),
        ({"id": "echo 0"}, "check: debootstrap is missing: install it (Debian: apt install debootstrap)."),
        (
            {"id": "echo 0", "debootstrap": "", "df": "echo head; echo /dev/sda 9 9 2048000 9% /"},
            "check: 2000 MB are free in TMPDIR, 10 GB are needed: set TMPDIR to a larger disk.",
        ),
    ],
)
def test_the_check_refuses_in_one_line(tmp_path: Path, programs: dict[str, str], line: str) -> None:
    for name in ("bash", "dirname", "mktemp", "awk", "rm"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    variables = {"PATH": str(tmp_path), "TMPDIR": str(tmp_path)}
    done = subprocess.run([str(ROOT / "docker/check.sh")], env=variables, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line.replace("in TMPDIR", f"in {tmp_path}") + "\n")
    assert not list(tmp_path.glob("w2s-check*"))
