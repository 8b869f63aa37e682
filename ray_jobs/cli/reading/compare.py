"""`w2s compare`: finished runs side by side, of one store or of several."""

import argparse
import re
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from w2s.graph.step import Step
    from w2s.recipe import Experiment
    from w2s.report.compare import Run
    from w2s.report.metrics import Estimate
    from w2s.store.store import Store

_RUN = re.compile(r"(?P<store>.+?):(?P<experiment>(?:[^:]*\.py:)?[\w-]+)")


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers."""
    compare = commands.add_parser("compare", help="compare finished runs: settings, paired differences, pooled seeds")
    compare.set_defaults(command=_compare)
    compare.add_argument(
        "runs",
        metavar="STORE:EXPERIMENT",
        nargs="+",
        help="two or more, with --set's changes behind commas: store:quickstart,dpo.beta=0.3",
    )


def _compare(options: argparse.Namespace) -> int:
    from w2s.report.compare import differences, different_settings, pooled, seeds_alone
    from w2s.report.sections import percent
    from w2s.report.terminal import grid, printable

    if len(options.runs) < 2:
        raise ValueError(f"{options.runs[0]} alone: give two runs or more to compare")
    if len(options.runs) > len(ascii_uppercase):
        raise ValueError(
            f"{len(options.runs)} runs are more than the {len(ascii_uppercase)} that are named by a letter"
        )
    if repeated := next((text for text in options.runs if options.runs.count(text) > 1), None):
        raise ValueError(f"{repeated} is given twice")
    runs = [_read(text) for text in options.runs]
    letters = ascii_uppercase[: len(runs)]
    lines = [printable(f"{letter}  {run.name}") for letter, run in zip(letters, runs, strict=True)]
    settings = different_settings(runs)
    rows = [[name, *values] for name, values in settings.items()]
    lines += ["", *(grid(["setting", *letters], rows, range(len(letters) + 1)) if rows else ["no setting differs"])]
    rows = []
    for model, accuracies, paired in differences(runs):
        minus = [
            "same answers" if run.has_same(model, runs[0]) else points(one)
            for run, one in zip(runs[1:], paired, strict=True)
        ]
        rows.append([model, *(percent(one.value) for one in accuracies), *minus])
    header = ["model", *letters, *(f"{letter} - A, points" for letter in letters[1:])]
    lines += ["", *grid(header, rows)]
    if any(run.questions != runs[0].questions for run in runs):
        lines.append("not paired: scored on other test questions than A")
    if seeds_alone(runs):
        header = ["all seeds", "mean", "95 % over problems", "between seeds", "deviation"]
        rows = [
            [one.model, percent(one.estimate.value), f"{percent(one.estimate.low)} .. {percent(one.estimate.high)}",
             f"{percent(one.lowest)} .. {percent(one.highest)}", f"{100 * one.deviation:.1f} points"]
            for one in pooled(runs)
        ]  # fmt: skip
        lines += ["", *grid(header, rows)]
    print("\n".join(lines))
    return 0


def _read(text: str) -> "Run":
    """The finished run of STORE:EXPERIMENT[,FIELD=VALUE...]. Raises ValueError if it is not there or not scored."""
    from ray_jobs.cli.options import recorded

    head, *fields = re.split(r",(?=[a-z_][\w.]*=)", text)  # a value may contain commas
    found = _RUN.fullmatch(head)
    if found is None:
        raise ValueError(f"{text}: must be STORE:EXPERIMENT, like store:quickstart or s3://bucket/runs:mine.py:mine")
    try:
        experiment, steps, store = recorded(argparse.Namespace(**found.groupdict(), set=fields))
    except ValueError as error:
        raise ValueError(f"{text}: {error}") from error
    return scored(text, experiment, steps, store)


def scored(name: str, experiment: "Experiment", steps: "Sequence[Step]", store: "Store") -> "Run":
    """The finished run of an experiment. Raises ValueError if its scores are not finished."""
    from w2s.records import Problem, Score
    from w2s.report.compare import Run, flat
    from w2s.report.metrics import credit_by_problem

    (scores,) = (step for step in steps if step.name == "scores")
    if store.manifest(scores) is None:
        raise ValueError(f"{name}: its scores are not finished: `w2s run` it to its end first")
    by_model: dict[str, list[Score]] = {role: [] for role, _ in scores.inputs if role not in ("problems", "references")}
    for score in store.records(scores["scores"], Score):
        by_model[score.model].append(score)
    questions = {problem.problem_id: problem.question for problem in store.inputs(scores, "problems", Problem)}
    settings = flat(experiment.model_dump(mode="json"))
    answers = {role: store.objects.absolute(table.step.directory) for role, table in scores.inputs if role in by_model}
    return Run(name, settings, questions, {model: credit_by_problem(of) for model, of in by_model.items()}, answers)


def points(estimate: "Estimate | None") -> str:
    """A difference and its interval in percentage points."""
    if estimate is None:
        return "not paired"
    return f"{100 * estimate.value:+.1f} ({100 * estimate.low:+.1f} .. {100 * estimate.high:+.1f})"
