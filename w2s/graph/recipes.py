"""What each kind of step computes, put together from the experiment's parts (w2s/recipe/) by w2s/graph/build.py."""

from typing import Any, ClassVar

from pydantic import Field

from w2s.recipe import (
    SFT,
    Agreement,
    Answers,
    Demonstrations,
    Labels,
    Model,
    MoreSamples,
    Optimizer,
    Pairs,
    Preference,
    Sampling,
    Source,
    StepRecipe,
)
from w2s.recipe.model import Location, located


class FineTune(StepRecipe):
    """Step: a LoRA adapter by SFT on the base or, without `sft.lora`, all of its weights."""

    version: ClassVar[int] = 2
    later: ClassVar[tuple[str, ...]] = ("part",)
    tables = ("model", "losses")
    model: Model
    sft: SFT
    answers: Answers | None = None
    """How to tell whole completions from cut ones; None where the input is no table of completions."""
    part: float = Field(default=1.0, gt=0, le=1)
    """Share of the problems that is learned from; a hash decides which (w2s/method/examples.py)."""

    @property
    def optimizer(self) -> Optimizer:
        """The settings that SFT and preference training share."""
        return self.sft


class ForeignAdapter(StepRecipe):
    """Step: a LoRA adapter that was trained elsewhere."""

    tables = ("model",)
    name: Location
    revision: str
    """`sha256:...` of its files."""

    def identity(self) -> dict[str, Any]:
        """The files' hash alone, so that the folder may be moved."""
        return located(super().identity(), self.revision)


class Prefer(StepRecipe):
    """Step: M_plus, an adapter or a whole model, trained further by DPO or ORPO."""

    version: ClassVar[int] = 2
    tables = ("model", "losses")
    model: Model
    preference: Preference

    @property
    def optimizer(self) -> Optimizer:
        """The settings that SFT and preference training share."""
        return self.preference


class Sample(StepRecipe):
    """Step: completions of one model for one table of problems."""

    version: ClassVar[int] = 2  # columns for what ended a completion
    tables = ("completions",)
    model: Model
    sampling: Sampling


class Respond(StepRecipe):
    """Step: completions out of responses that are there already, for one table of problems."""

    tables = ("completions",)
    source: Source
    finish_reason: str | None
    must_be_complete: bool
    """Whether a problem without a response stops the run: the floor is graded on all test problems."""


class Demonstrate(StepRecipe):
    """Step: demonstrations out of the weak model's completions."""

    tables = ("demonstrations",)
    demonstrations: Demonstrations
    answers: Answers


class Agree(StepRecipe):
    """Step: the agreement filter."""

    version: ClassVar[int] = 2
    tables = ("weak", "icl", "hybrid", "selection", "merges", "summary")
    agreement: Agreement
    answers: Answers


class Reliability(StepRecipe):
    """Step: how often the weak model is right on problems of train_1 that it has not learned from, by their gold."""

    tables = ("summary",)
    answers: Answers
    part: float = Field(ge=0, lt=1)
    """Share of the problems that it has learned from; the others are graded."""


class Label(StepRecipe):
    """Step: what M_plus learns where stage I takes majorities of M's own samples."""

    tables = ("examples", "selection", "merges", "summary")
    labels: Labels
    answers: Answers


class Committee(StepRecipe):
    """Step: one completion of each problem out of those of several weak models, which vote."""

    tables = ("completions", "summary")
    answers: Answers


class OpenVotes(StepRecipe):
    """Step: the problems of train_2 whose vote is open, in a table of their own."""

    tables = ("train_2", "summary")
    more: MoreSamples
    answers: Answers


class Pair(StepRecipe):
    """Step: majority votes over the samples, and the preference pairs made from them."""

    version: ClassVar[int] = 2
    tables = ("consensus", "pairs", "merges", "summary")
    pairs: Pairs
    answers: Answers


class Grade(StepRecipe):
    """Step: grades every model's test completions against gold."""

    version: ClassVar[int] = 4  # the level of a problem; 3: a table of disputed verdicts; 2: the second opinion
    tables = ("scores", "disputed")
    answers: Answers


class Audit(StepRecipe):
    """Step: how right the kept set and the chosen side are, by gold; nothing reads it but the report."""

    version: ClassVar[int] = 4  # calibration error and shared errors; 3: precision by level, share and answer; lengths
    tables = ("audit",)
    answers: Answers


class Report(StepRecipe):
    """Step: report.json and report.html."""

    version: ClassVar[int] = 7  # exact intervals of equal models; 6: estimates; 5: provenance, timeline and examples
    tables = ("report", "html")
    experiment: str
    description: str
    bootstrap_seed: int = 0
    bootstrap_draws: int = Field(default=10_000, ge=100)
