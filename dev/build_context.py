"""Copies the context of a `docker build .` to a folder: python -m dev.build_context FOLDER."""

import shutil
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parent.parent


def patterns(text: str) -> list[str]:
    """The patterns of a .dockerignore."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def goes_in(path: str, ignored: Sequence[str]) -> bool:
    """Docker's rule: the last pattern that matches a path or one of its folders decides."""
    parts = path.rstrip("/").split("/")
    folders = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    inside = True
    for line in ignored:
        pattern = line.removeprefix("!").removeprefix("**/")
        names = parts if "**/" in line else folders
        if any(fnmatch(name, pattern) for name in names):
            inside = line.startswith("!")
    return inside


def copy_context(root: Path, destination: Path) -> None:
    """Copy what goes in, with its times and modes."""
    ignored = patterns((root / ".dockerignore").read_text())
    for top in root.iterdir():
        if top.is_dir() and not any(line.startswith(f"!{top.name}") for line in ignored) and "*" in ignored:
            continue  # stores and virtual environments have more files than the code
        for path in top.rglob("*") if top.is_dir() else (top,):
            name = path.relative_to(root).as_posix()
            if path.is_file() and goes_in(name, ignored):
                (destination / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, destination / name)


if __name__ == "__main__":
    copy_context(ROOT, Path(sys.argv[1]))
