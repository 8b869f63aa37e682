"""The code that a job gets: this checkout, or the folder of the user's experiment beside the installed packages."""

from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXCLUDES = [".git", ".venv", "store", "*.egg-info", "__pycache__"]
"""Parts of a folder that a job does not get, besides those in .gitignore."""


def experiment_in_job(text: str, root: Path = ROOT) -> tuple[str, dict[str, Any]]:
    """An experiment as the job names it, and the part of its `runtime_env` that brings the code.

    A user's `path/to/mine.py:function` outside the checkout comes with its folder as the working directory, so its
    imports and relative paths work; `w2s` and `ray_jobs` then come as modules, as they do where they are installed as
    packages, because the folder around them holds other packages.

    Raises ValueError where the file is not there.
    """
    modules = {"py_modules": [str(root / "w2s"), str(root / "ray_jobs")], "excludes": EXCLUDES}
    checkout = {"working_dir": str(root), "excludes": EXCLUDES} if (root / "pyproject.toml").is_file() else modules
    file, colon, function = text.rpartition(":")
    if not colon:
        return text, checkout
    path = Path(file).resolve()
    if not path.is_file():
        raise ValueError(f"experiment {text!r}: there is no file {path}: give path/to/file.py:function")
    if "working_dir" in checkout and path.is_relative_to(root):
        return f"{path.relative_to(root)}:{function}", checkout
    return f"{path.name}:{function}", modules | {"working_dir": str(path.parent)}
