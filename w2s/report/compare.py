"""Several runs side by side: settings that differ, paired differences of each model, runs that differ in seeds pooled.

Two runs are paired by problem only where they were scored on the same questions under the same ids.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import stdev
from typing import Any, cast

from w2s.report import metrics
from w2s.report.metrics import Credits, Estimate


@dataclass(frozen=True)
class Run:
    """One finished run."""

    name: str
    settings: Mapping[str, str]
    """Every field of the experiment by its dotted name, as text."""
    questions: Mapping[str, str]
    """Test questions by problem_id."""
    credits: Mapping[str, Credits]
    """By model, in the report's order."""
    answers: Mapping[str, str] = field(default_factory=dict[str, str])
    """By model, the place of the step that made its answers."""

    def has_same(self, model: str, other: "Run") -> bool:
        """Whether a model's answers and their credits are the other run's own, so that no chance is between them."""
        is_step = model in self.answers and self.answers[model] == other.answers.get(model)
        return is_step and self.credits[model] == other.credits[model]


@dataclass(frozen=True)
class Pooled:
    """One model over runs that differ in their seeds alone."""

    model: str
    runs: int
    estimate: Estimate
    """Mean accuracy of the runs, with its interval over problems."""
    lowest: float
    highest: float
    deviation: float
    """Standard deviation of the runs' accuracies, n - 1 in the denominator: the spread between seeds."""


def flat(value: Any, name: str = "") -> dict[str, str]:
    """Fields of a JSON value by dotted name, as text."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {
            key: text
            for field, inner in items
            for key, text in flat(inner, f"{name}.{field}" if name else field).items()
        }
    return {name: str(value)}


def different_settings(runs: Sequence[Run]) -> dict[str, list[str]]:
    """The settings that are not the same in all runs: one text a run, - where a run has no such field."""
    names = dict.fromkeys(name for run in runs for name in run.settings)
    values = {
        name: [run.settings.get(name, "-") for run in runs] for name in names if name not in ("name", "description")
    }
    return {name: texts for name, texts in values.items() if len(set(texts)) > 1}


def models(runs: Sequence[Run]) -> list[str]:
    """The models that all runs have."""
    return [model for model in runs[0].credits if all(model in run.credits for run in runs)]


def differences(runs: Sequence[Run]) -> Iterator[tuple[str, list[Estimate], list[Estimate | None]]]:
    """For each model: its accuracy in each run, and each later run minus the first, None where they are not paired."""
    for model in models(runs):
        first = runs[0]
        paired = [
            metrics.difference(run.credits[model], first.credits[model]) if run.questions == first.questions else None
            for run in runs[1:]
        ]
        yield model, [metrics.accuracy(run.credits[model]) for run in runs], paired


def seeds_alone(runs: Sequence[Run]) -> bool:
    """Whether the runs differ in their seeds and in nothing else."""
    names = different_settings(runs)
    return bool(names) and all(name.rpartition(".")[2] == "seed" for name in names)


def pooled(runs: Sequence[Run]) -> list[Pooled]:
    """Each model over all runs.

    Runs on the same questions are averaged problem by problem; others have problems of their own, and equal weight only
    if they have equally many.
    """
    same = all(run.questions == runs[0].questions for run in runs)
    found: list[Pooled] = []
    for model in models(runs):
        each = [run.credits[model] for run in runs]
        if same:
            together = {problem: sum(credit[problem] for credit in each) / len(each) for problem in each[0]}
        else:
            together = {f"{number} {problem}": value for number, c in enumerate(each) for problem, value in c.items()}
        shares = [sum(credit.values()) / len(credit) for credit in each]
        found.append(Pooled(model, len(runs), metrics.accuracy(together), min(shares), max(shares), stdev(shares)))
    return found
