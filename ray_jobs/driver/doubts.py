"""Early warnings: signs that a run is not worth going on, as soon as the step that shows them has ended.

The report has the same doubts in full (w2s/report/findings.py); these come hours before it, and cost seconds: of the
floor and the ceiling only the first problems are graded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ray_jobs.runtime.context import Context
from w2s.answers import grade_completion
from w2s.graph.recipes import Grade
from w2s.graph.step import Step
from w2s.method.votes import SHARE_BINS
from w2s.records import Completion, Problem, Reference
from w2s.report.document import CEILING, FLOOR
from w2s.report.findings import doubts

FIRST, LEAST = 200, 20
"""Problems that are graded early, and the fewest that say anything."""
CLEAR = 0.1
"""Share of the problems that should have a majority of at least half of the votes."""


@dataclass
class Doubts:
    """Looks at each step that has ended; what to do is `on_doubt` of the resources."""

    steps: Sequence[Step]
    context: Context

    def look(self, step: Step) -> None:
        """Log the doubts that a step raises. Raises ValueError with them if the run is to stop."""
        if self.context.resources.on_doubt == "ignore":
            return
        for doubt in self._of(step):
            if self.context.resources.on_doubt == "stop":
                raise ValueError(f"stopped after {step.name}: {doubt}: --resources ...,on_doubt=warn goes on")
            self.context.progress.log(f"is it worth going on? {doubt}")

    def _of(self, step: Step) -> Iterator[str]:
        store = self.context.store
        if step.report_name in (FLOOR, CEILING):
            yield from self._gap()
        elif step.kind == "pair":
            votes: dict[str, int] = store.document(step["summary"]).get("vote_share", {})
            total, clear = sum(votes.values()), sum(votes.get(name, 0) for name in SHARE_BINS[5:])
            if total >= LEAST and clear < CLEAR * total:
                yield f"{clear} of {total} problems have a majority of half of the votes or more: the votes are flat"
        elif step.kind == "audit":
            yield from doubts({"models": [], "differences": [], "audit": store.document(step["audit"])})

    def _gap(self) -> Iterator[str]:
        """Whether the weak model is ever right, and the ceiling above it; each where it is known by now."""
        named = {step.report_name: step for step in self.steps if step.report_name in (FLOOR, CEILING)}
        right = {name: self._right(step) for name, step in named.items() if self.context.store.manifest(step)}
        if not right or len(next(iter(right.values()))) < LEAST:
            return
        shown = {name: f"{sum(verdicts)} of the first {len(verdicts)}" for name, verdicts in right.items()}
        if FLOOR in right and not any(right[FLOOR]):
            yield f"{FLOOR} has {shown[FLOOR]} test problems right: the weak model has nothing to teach"
        if len(right) == 2 and sum(right[CEILING]) <= sum(right[FLOOR]):
            yield f"{CEILING} has {shown[CEILING]} test problems right and {FLOOR} {shown[FLOOR]}: there is no gap"

    def _right(self, step: Step) -> list[bool]:
        """Verdicts on the first test problems, in the order of their ids."""
        store = self.context.store
        grade = next(one for one in self.steps if isinstance(one.recipe, Grade))
        assert isinstance(grade.recipe, Grade)
        problems, gold = store.inputs(grade, "problems", Problem), store.inputs(grade, "references", Reference)
        by_id = {one.problem_id: one for one in gold}
        first = {one.problem_id: one.kind for one in islice(problems, FIRST)}
        answers = {one.problem_id: one for one in store.each_record(step["completions"], Completion)
                   if one.problem_id in first}  # fmt: skip
        verdicts = {
            name: grade_completion(answers[name], by_id[name], kind, grade.recipe.answers)
            for name, kind in first.items()
            if name in answers
        }
        return [verdicts[name].verdict == "right" for name in sorted(verdicts)]
