"""Takes a tiny random model of each architecture through the method, and writes docs/models.md.

    python -m tests.ray.models [--folder FOLDER] [NAME ...]

A row takes about a minute on two idle cores, in a process of its own. With the same folder, the command continues where
an earlier one stopped; the page is written when every row is there.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import ROOT
from tests.ray.models import page
from tests.ray.models.architectures import ARCHITECTURES, SHARE, TEXT
from tests.ray.models.row import Row, read


def main() -> int:
    """Run the rows that are missing. Returns 0 if none has a fault, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.ray.models", description="The table of docs/models.md.")
    parser.add_argument("names", nargs="*", default=list(ARCHITECTURES), metavar="NAME")
    parser.add_argument("--folder", type=Path, help="for the rows; default: a new temporary folder")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.names) - set(ARCHITECTURES | SHARE):
        parser.error(f"no row is named {', '.join(sorted(unknown))}: choose from {', '.join(ARCHITECTURES)}")
    folder: Path = options.folder or Path(tempfile.mkdtemp(prefix="w2s-models-"))
    folder.mkdir(parents=True, exist_ok=True)
    if options.here:
        here(options.names, folder)
        return 0
    rows = [read(folder, name) or run(name, folder) for name in options.names]
    if set(options.names) == set(ARCHITECTURES):
        page.write(rows, TEXT)
    return int(any(row.faults() for row in rows))


def run(name: str, folder: Path) -> Row:
    """The row, made in a process of its own, because an engine or a library may end the process."""
    log = folder / f"{name}.log"
    with log.open("w") as output:
        command = [sys.executable, "-m", "tests.ray.models", "--here", "--folder", str(folder), name]
        done = subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, check=False)
    row = read(folder, name) or Row(name, failed=f"its process ended with {done.returncode}, see {log}")
    print(f"{name:<18} {'; '.join(row.faults()) or row.refused or 'all'}", flush=True)
    return row


def here(names: Sequence[str], folder: Path) -> None:
    """Make the rows one after another in this process, which is set up as Ray Train sets up its only worker."""
    from tests.ray.models.alone import alone

    with alone():
        from tests.ray.models.measure import measured

        for name in names:
            measured(name).write(folder)


if __name__ == "__main__":
    sys.exit(main())
