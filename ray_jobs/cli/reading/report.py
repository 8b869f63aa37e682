"""`w2s report`: the page of a run as a file, also of a run that is not finished."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray_jobs.cli.options import add_experiment, recorded

if TYPE_CHECKING:
    from w2s.graph.step import Step
    from w2s.store.store import Store


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers."""
    report = commands.add_parser("report", help="write the page of a run, finished or not, into a file")
    report.set_defaults(command=_report)
    add_experiment(report, only=False)
    report.add_argument(
        "--to", required=True, metavar="FILE", help="page.html for the page, figures.json for its figures"
    )


def _report(options: argparse.Namespace) -> int:
    path = Path(options.to).expanduser().absolute()
    if path.suffix not in (".html", ".json"):
        raise ValueError(f"--to {options.to}: must end with .html or .json")
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"--to {options.to}: must be a file in a folder that is there")
    _, steps, store = recorded(options)
    data = _bytes(steps[-1], store, "html" if path.suffix == ".html" else "report")
    try:
        path.write_bytes(data)
    except OSError as error:
        raise ValueError(f"--to {options.to}: cannot be written ({error.strerror})") from None
    print(path)
    return 0


def _bytes(report: "Step", store: "Store", table: str) -> bytes:
    """The file that the report step wrote or, before it is finished, what it would write of the finished steps."""
    if store.manifest(report) is not None:
        return store.read_file(report.directory, store.files(report[table])[0])
    from ray_jobs.selection.report import report_document
    from w2s.report.page import html

    document = report_document(report, store, None)
    return (html(document) if table == "html" else json.dumps(document, indent=1, ensure_ascii=False)).encode()
