"""`w2s show`: the tables of an experiment's steps, rows of a table, and the whole story of one problem."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import islice
from typing import TYPE_CHECKING, Any

from ray_jobs.cli.options import add_experiment, finished_manifest, named_step, recorded

if TYPE_CHECKING:
    from w2s.graph.step import Step
    from w2s.store.manifest import Manifest
    from w2s.store.store import Store


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers."""
    show = commands.add_parser("show", help="show the steps of an experiment, rows of a table, or all about a problem")
    show.set_defaults(command=_show)
    show.mixed = True
    add_experiment(show, only=False)
    show.add_argument("step", metavar="STEP", nargs="?", help="a step, for example consistent_1: lists its tables")
    show.add_argument("table", metavar="TABLE", nargs="?", help="a table of the step, for example selection")
    show.add_argument(
        "--where", action="append", default=[], metavar="FIELD=VALUE", help="only rows such as outcome=differ"
    )
    show.add_argument("--n", type=int, default=5, metavar="ROWS", help="rows to show (default: 5)")
    show.add_argument("--problem", metavar="ID", help="all that the store knows of one problem")
    show.add_argument("--json", action="store_true", help="print JSON: an object a line for rows")


def _show(options: argparse.Namespace) -> int:
    if options.n < 1:
        raise ValueError(f"--n {options.n}: must be at least 1")
    if options.where and (options.table is None or options.problem is not None):
        raise ValueError("--where chooses rows of a table: give STEP and TABLE too, and no --problem")
    if options.problem is not None and options.step is not None:
        raise ValueError(f"--problem tells of all steps: leave out {options.step}")
    experiment, steps, store = recorded(options)
    if options.problem is not None:
        from ray_jobs.cli.reading.problem import print_problem

        print_problem(options.problem, experiment, steps, store, as_json=options.json)
    elif options.step is None:
        _print_steps(options.json, steps, store)
    elif options.table is None:
        _print_step(options.json, named_step(steps, options.step), store)
    else:
        _print_table(options, named_step(steps, options.step), store)
    return 0


def _print_steps(as_json: bool, steps: Sequence["Step"], store: "Store") -> None:
    from w2s.report.terminal import grid

    manifests = store.manifests(steps)
    if as_json:
        tables = {name: manifest and dict(manifest.rows) for name, manifest in manifests.items()}
        print(json.dumps({step.name: {"directory": step.directory, "rows": tables[step.name]} for step in steps}))
        return
    rows = [[step.name, "done" if (m := manifests[step.name]) else "-", _tables(step, m)] for step in steps]
    print("\n".join(grid(["step", "", "tables"], rows, (0, 1, 2))))


def _tables(step: "Step", manifest: "Manifest | None") -> str:
    rows: Mapping[str, int] = manifest.rows if manifest else {}
    return ", ".join(f"{table} {rows[table]:,}" if table in rows else table for table in step.recipe.tables)


def _print_step(as_json: bool, step: "Step", store: "Store") -> None:
    from w2s.report.terminal import grid, printable

    manifest = finished_manifest(step, store)
    if as_json:
        print(json.dumps(manifest.model_dump(mode="json", exclude={"files"}), ensure_ascii=True))
        return
    print(f"{step.name}: {store.objects.absolute(step.directory)}")
    print(f"finished {manifest.started} in {manifest.seconds:.0f} s")
    for role, table in step.inputs:
        print(f"  reads {role}: {table.step.name} {table.name}")
    print(f"  writes {_tables(step, manifest)}")
    counts = [[name, f"{value:,g}" if value < 1e6 else f"{value:,.0f}"] for name, value in manifest.counts.items()]
    print("\n".join(printable(line) for line in grid(["count", ""], counts) if counts))


def _print_table(options: argparse.Namespace, step: "Step", store: "Store") -> None:
    from w2s.graph.contents import DOCUMENTS, record_of
    from w2s.report.terminal import printable

    finished_manifest(step, store)
    table = step[options.table]
    record = record_of(table)
    if record is None:
        if options.where:
            raise ValueError(f"--where chooses rows, and {step.name} {table.name} has none")
        if table.name in DOCUMENTS:
            print(json.dumps(store.document(table), indent=1, ensure_ascii=True))
            return
        for file in store.files(table):
            print(printable(store.objects.absolute(f"{step.directory}/{file.path}")))
        return
    wanted = _conditions(options.where, [field.name for field in fields(record)])
    rows = (row for row in store.each_record(table, record) if all(str(getattr(row, k)) == v for k, v in wanted))
    shown = list(islice(rows, options.n))
    if options.json:
        for row in shown:
            print(json.dumps(asdict(row), ensure_ascii=True))
        return
    print("\n".join(line for row in shown for line in [*_row(asdict(row)), ""]))
    more = sum(1 for _ in rows)
    print(f"{len(shown)} of {len(shown) + more:,} rows of {step.name} {table.name}{_said(options.where)}")


def _said(where: Sequence[str]) -> str:
    from w2s.report.terminal import printable

    return printable(f" where {', '.join(where)}") if where else ""


def _conditions(where: Sequence[str], known: Sequence[str]) -> list[tuple[str, str]]:
    """(field, text) of each FIELD=VALUE. Raises ValueError for another form and for an unknown field."""
    from w2s.errors import closest

    conditions: list[tuple[str, str]] = []
    for text in where:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--where {text}: must be FIELD=VALUE, like outcome=differ")
        if name not in known:
            raise ValueError(f"--where {text}: no field {name!r}{closest(name, known)}; it has {', '.join(known)}")
        conditions.append((name, value))
    return conditions


def _row(row: Mapping[str, Any]) -> Iterator[str]:
    """A row as lines: short values behind their field, texts of several lines under it."""
    from w2s.report.terminal import indented, printable

    for name, value in row.items():
        text = str(value)
        if "\n" in text or len(text) > 100:
            yield f"{name}:"
            yield from indented(text)
        else:
            yield f"{name}: {printable(text)}"
