"""`w2s sweep`: many variations of an experiment in one store, where equal steps are shared, and one table of them."""

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray_jobs.cli.options import add_experiment, add_resources, experiment
from ray_jobs.cli.reading.compare import points, scored
from w2s.errors import closest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from w2s.graph.step import Step
    from w2s.recipe import Experiment
    from w2s.report.sweep import Variation
    from w2s.store.store import Store

SEED = "problems.seed"
_NAME = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class Line:
    """One line of the file: a name and its `--set`s."""

    name: str
    fields: tuple[str, ...]


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers."""
    sweep = commands.add_parser("sweep", help="run variations of an experiment in one store, and compare them")
    sweep.set_defaults(command=_sweep)
    add_experiment(sweep, only=False)
    sweep.add_argument(
        "--variations", required=True, metavar="FILE", help="a line a variation: NAME FIELD=VALUE ...; # is a comment"
    )
    sweep.add_argument("--baseline", metavar="NAME", help="the variation that others are compared with (the first)")
    sweep.add_argument("--seeds", type=int, nargs="+", metavar="N", help=f"run each variation with {SEED}=N for each N")
    sweep.add_argument("--picture", metavar="FILE", help="write the table as a chart too, an SVG file")
    add_resources(sweep)


def read_variations(path: str) -> list[Line]:
    """The lines of a file of variations.

    Raises ValueError for a file that cannot be read or has no variation, and for a name that is no name or used twice.
    """
    try:
        texts = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--variations {path}: cannot be read: {error}") from error
    found: dict[str, Line] = {}
    for number, text in enumerate(texts, 1):
        words = text.partition("#")[0].split()
        if not words:
            continue
        name, *fields = words
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{path}:{number}: {name!r} is no name of letters, digits, `.`, `-`, `_`: give NAME FIELD=VALUE ..."
            )
        if name in found:
            raise ValueError(f"{path}:{number}: the name {name} is given twice")
        found[name] = Line(name, tuple(fields))
    if not found:
        raise ValueError(f"--variations {path}: has no variation: give lines of NAME FIELD=VALUE ...")
    return list(found.values())


def _sweep(options: argparse.Namespace) -> int:
    from ray_jobs.driver.run import run
    from ray_jobs.driver.scheduler import StepFailed
    from ray_jobs.resources.presets import load_resources
    from w2s.report.sweep import Variation
    from w2s.store.store import Store

    lines = read_variations(options.variations)
    baseline: str = lines[0].name if options.baseline is None else options.baseline
    if baseline not in {line.name for line in lines}:
        names = ", ".join(line.name for line in lines)
        hint = closest(baseline, [line.name for line in lines])
        raise ValueError(f"--baseline {baseline}: no such variation{hint}; {options.variations} has {names}")
    if options.picture and not Path(options.picture).absolute().parent.is_dir():
        raise ValueError(f"--picture {options.picture}: its folder does not exist: make it first")
    resources, store = load_resources(options.resources), Store.at(options.store)
    wanted = {line.name: _experiments(line, options) for line in lines}  # all are checked before the first runs
    _check_distinct(wanted)
    finished: list[Variation] = []
    failed: list[str] = []
    for name, experiments in wanted.items():
        runs: list[tuple[Experiment, Sequence[Step]]] = []
        for number, one in enumerate(experiments, 1):
            print(f"sweep: {name}, run {number} of {len(experiments)}", file=sys.stderr)
            try:
                runs.append((one, _steps(run(one, store, resources))))
            except StepFailed as error:
                failed.append(name)
                print(f"w2s: {name}: {error}", file=sys.stderr)
                break
        else:
            read = [scored(name, one, steps, store) for one, steps in runs]
            finished.append(Variation(name, read, _costs([steps for _, steps in runs], store)))
    _show(finished, baseline, options)
    if failed:
        print(f"w2s: failed, and not in the table: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _experiments(line: Line, options: argparse.Namespace) -> "list[Experiment]":
    """One experiment a seed. Raises ValueError, naming the variation, for a field that is wrong."""
    seeds = [[f"{SEED}={seed}"] for seed in options.seeds] if options.seeds else [[]]
    try:
        return [
            experiment(argparse.Namespace(experiment=options.experiment, set=[*options.set, *line.fields, *seed]))
            for seed in seeds
        ]
    except ValueError as error:
        raise ValueError(f"variation {line.name}: {error}") from error


def _check_distinct(wanted: "Mapping[str, list[Experiment]]") -> None:
    """Raise ValueError if two variations are the same experiment: a line with a name alone changes nothing."""
    names: dict[Experiment, str] = {}
    for name, (first, *_) in wanted.items():
        if (same := names.setdefault(first, name)) != name:
            raise ValueError(
                f"variations {same} and {name} are the same experiment: give one of them another FIELD=VALUE, or leave "
                "it out"
            )


def _steps(report: "Step") -> "Sequence[Step]":
    from w2s.graph.step import with_upstream

    return with_upstream([report])


def _costs(runs: "Sequence[Sequence[Step]]", store: "Store") -> dict[str, dict[str, float]]:
    """What M_plus and the models of stage II cost, by model."""
    from w2s.graph.step import with_upstream
    from w2s.graph.trained import trained_model
    from w2s.report.sweep import COUNTS

    costs: dict[str, dict[str, float]] = {}
    for steps in runs:
        named = {step.name: step for step in steps}
        m_plus = trained_model(named["sampled"])
        assert m_plus is not None
        for model in (m_plus.step.name, "dpo", "orpo"):
            if model not in named:
                continue
            cost = costs.setdefault(model, dict.fromkeys(COUNTS, 0.0))
            for step in with_upstream([named[model]]):
                manifest = store.manifest(step)
                assert manifest is not None
                for count in COUNTS:
                    cost[count] += manifest.counts.get(count, 0.0)
    return costs


def _show(variations: "Sequence[Variation]", baseline: str, options: argparse.Namespace) -> None:
    """Print the table and write its picture."""
    from w2s.report.sections import percent
    from w2s.report.sweep import COUNTS, picture, rows
    from w2s.report.terminal import grid

    if not any(one.name == baseline for one in variations):
        print(f"w2s: {baseline}, the baseline, is not finished, so nothing is compared", file=sys.stderr)
        return
    seeds = len(variations[0].runs)
    header = ["variation", "model", "accuracy", *(["seeds from .. to"] if seeds > 1 else []), "PGR",
              f"minus the best of {baseline}, points", *COUNTS.values()]  # fmt: skip
    shown: list[list[str]] = []
    found = list(rows(variations, baseline))
    for row in found:
        spread = [f"{percent(row.lowest)} .. {percent(row.highest)}"] if seeds > 1 else []
        costs = [f"{row.cost[count]:,.0f}" if row.cost else "" for count in COUNTS]
        against = "the best" if row.is_best else points(row.against)
        shown.append([row.variation, row.model, percent(row.accuracy), *spread, percent(row.pgr), against, *costs])
    print("\n".join(grid(header, shown, (0, 1))))
    if options.picture:
        label = f"{options.experiment}: points above the best of {baseline}, with 95 % intervals, {seeds} seeds"
        Path(options.picture).write_text(picture(found, label))
