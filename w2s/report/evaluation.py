"""One model's figures on one set of problems: accuracy, also by level, kind and length, pass@k and maj@k, paired
differences.

Every share is over problems, with the intervals of metrics.py.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from w2s.records import Completion, Problem, Score
from w2s.report import metrics
from w2s.report.metrics import Credits
from w2s.report.terminal import grid

GROUPS = ("level", "kind", "length")


def figures(model: str, problems: Sequence[Problem], scores: Sequence[Score], answers: Sequence[Completion]) -> Any:
    """The figures of greedy answers, a JSON value.

    {model, accuracy, right, undecided, unreadable, truncated, tokens (mean of a completion), level, kind, length}; the
    last three are {name of the group: accuracy}, and empty where the problems have no such column. `length` is by the
    completion's tokens.
    """
    credit = metrics.credit_by_problem(scores)
    tokens = {row.problem_id: row.completion_tokens for row in answers}
    names: dict[str, Callable[[Problem], str]] = {
        "level": lambda problem: problem.level,
        "kind": lambda problem: problem.kind,
        "length": lambda problem: length_group(tokens[problem.problem_id]) if problem.problem_id in tokens else "",
    }
    groups = {group: _by_group(problems, credit, name) for group, name in names.items()}
    return {
        "model": model,
        "accuracy": asdict(metrics.accuracy(credit)),
        "undecided": sum(score.verdict == "undecided" for score in scores),
        "unreadable": sum(score.reason.startswith("unreadable") for score in scores),
        "truncated": sum(row.finish_reason == "length" for row in answers),
        "tokens": sum(tokens.values()) / len(tokens) if tokens else 0.0,
        **groups,
    }


def length_group(tokens: int) -> str:
    """The range of lengths, between powers of two, that a completion falls into."""
    bound = 32
    while tokens > bound:
        bound *= 2
    return f"{bound // 2 + 1 if bound > 32 else 0}-{bound} tokens"


def sampled_figures(scores: Sequence[Score], problems: Sequence[Problem]) -> dict[str, Any]:
    """pass@k for k = 1, 2, 4 ... n and maj@n of one model's samples, n a problem; a JSON value.

    Answers are one vote where their canonical forms are equal; an unreadable answer has no vote.
    """
    rows: dict[str, list[Score]] = defaultdict(list)
    for score in scores:
        rows[score.problem_id].append(score)
    n = min((len(rows[problem.problem_id]) for problem in problems), default=0)
    sizes = [k for k in (2**power for power in range(n.bit_length())) if k < n] + [n] * (n > 0)
    found: dict[str, Any] = {}
    for k in sizes:
        credit = {one: metrics.pass_at_k([row.verdict == "right" for row in of], k) for one, of in rows.items()}
        found[f"pass@{k}"] = asdict(metrics.accuracy(credit))
    if n:
        votes = {one: _majority(of) for one, of in rows.items()}
        found[f"maj@{n}"] = asdict(metrics.accuracy(votes))
    return found


def _majority(rows: Sequence[Score]) -> float:
    classes = [row.answer or None for row in rows]
    return metrics.majority_at_k(classes, [row.verdict == "right" for row in rows], len(rows))


def _by_group(problems: Sequence[Problem], credit: Credits, name: Callable[[Problem], str]) -> dict[str, Any]:
    groups: dict[str, dict[str, float]] = defaultdict(dict)
    for problem in problems:
        groups[name(problem)][problem.problem_id] = credit[problem.problem_id]
    return {} if set(groups) <= {""} else {key: asdict(metrics.accuracy(groups[key])) for key in sorted(groups)}


def paired(model: str, credit: Credits, others: Mapping[str, Credits]) -> list[dict[str, Any]]:
    """The differences to other models on the same problems, as {result, baseline, value, low, high, ...}."""
    return [
        {"result": model, "baseline": other, **asdict(metrics.difference(credit, theirs))}
        for other, theirs in others.items()
    ]


def text(document: Mapping[str, Any]) -> list[str]:
    """Lines for a terminal: differences, groups, samples, and the accuracies last, where people look."""
    lines: list[str] = []
    if rows := [[one["result"], one["baseline"], *_points(one)] for one in document["differences"]]:
        lines += [*grid(["model", "against", "points", "95 %"], rows, (0, 1)), ""]
    for group in GROUPS:
        rows = [
            [one["model"], name or "-", *_share(found)]
            for one in document["models"]
            for name, found in one[group].items()
        ]
        if rows:
            lines += [*grid(["model", group, "right", "of", "accuracy", "95 %"], rows, (0, 1)), ""]
    if rows := [
        [one["model"], name, *_share(found)[2:]] for one in document["models"] for name, found in one["samples"].items()
    ]:
        lines += [*grid(["model", "samples", "share", "95 %"], rows, (0, 1)), ""]
    columns = ("undecided", "unreadable", "truncated")
    rows = [
        [one["model"], *_share(one["accuracy"]), *(str(one[name]) for name in columns), f"{one['tokens']:.0f}"]
        for one in document["models"]
    ]
    return [*lines, *grid(["model", "right", "of", "accuracy", "95 %", *columns, "tokens"], rows)]


def _share(found: Mapping[str, float]) -> list[str]:
    bounds = f"{100 * found['low']:.1f} to {100 * found['high']:.1f}"
    return [f"{found['numerator']:g}", f"{found['denominator']}", f"{100 * found['value']:.1f} %", bounds]


def _points(found: Mapping[str, float]) -> list[str]:
    return [f"{100 * found['value']:+.1f}", f"{100 * found['low']:+.1f} to {100 * found['high']:+.1f}"]
