"""`w2s reproduce`: the paper's tables beside what a store has of the shipped experiments, same rows and columns."""

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ray_jobs.cli.options import NotInStore, existing_store, recorded

if TYPE_CHECKING:
    from w2s.experiments.paper import PaperTable, Result


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers."""
    reproduce = commands.add_parser(
        "reproduce", help="show the paper's tables beside a store's runs of its experiments"
    )
    reproduce.set_defaults(command=_reproduce)
    reproduce.add_argument("--store", metavar="URL", help="of runs to show beside it; without, the paper alone")
    reproduce.add_argument(
        "--set", action="extend", nargs="+", default=[], metavar="FIELD=VALUE", help="of the runs, such as recipe=paper"
    )


def _reproduce(options: argparse.Namespace) -> int:
    from w2s.experiments.paper import TABLES
    from w2s.report.terminal import grid

    if options.set and options.store is None:
        raise ValueError(f"--set {options.set[0]}: is of the runs of a store: give --store too")
    if options.store is not None:
        existing_store(options)
    lines: list[str] = []
    for table in TABLES:
        reports = {name: _report(name, options) for name in table.experiments} if options.store is not None else {}
        columns = [[name, *(["here"] if name in reports else [])] for name in table.experiments]
        header = [f"{table.name}, %", *(cell for column in columns for cell in column)]
        rows = [_row(table, result, reports) for result in table.results]
        lines += ["", *grid(header, rows), *([table.note] if table.note else [])]
        lines += [f"{name}: {report}" for name, report in reports.items() if isinstance(report, str)]
    print("\n".join([f"the paper, arXiv 2407.13647, one run each{', and this store' * bool(options.store)}", *lines]))
    return 0


def _report(name: str, options: argparse.Namespace) -> Mapping[str, Any] | str:
    """The report of a shipped experiment in the store, or why there is none."""
    try:
        _, steps, store = recorded(argparse.Namespace(experiment=name, store=options.store, set=options.set))
    except NotInStore:
        return "not in this store"
    report = steps[-1]
    if store.manifest(report) is None:
        return f"its report is not finished: `w2s status {name} --store {options.store}`"
    return store.document(report["report"])


def _row(table: "PaperTable", result: "Result", reports: Mapping[str, Mapping[str, Any] | str]) -> list[str]:
    cells = [f"PGR of {result.model}" if result.is_pgr else result.model]
    for name, figure in zip(table.experiments, result.figures, strict=True):
        cells.append("-" if figure is None else f"{figure:.{1 if result.is_pgr else 2}f}")
        if name in reports:
            cells.append(_here(result, reports[name]))
    return cells


def _here(result: "Result", report: Mapping[str, Any] | str) -> str:
    """The figure of a report, with its interval."""
    rows = {} if isinstance(report, str) else {row["model"]: row for row in report["models"]}
    row: Mapping[str, Any] | None = rows.get(result.model)
    found: Mapping[str, Any] | None = row and (row["pgr"] if result.is_pgr else row)
    if not found or (value := found["value" if result.is_pgr else "accuracy"]) is None:
        return "-"
    bounds = f" ({100 * found['low']:.1f} .. {100 * found['high']:.1f})" if found["low"] is not None else ""
    return f"{100 * value:.2f}{bounds}"
