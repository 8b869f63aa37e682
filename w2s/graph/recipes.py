"""What each kind of step computes, put together from the experiment's parts (w2s/recipe.py) by w2s/graph/build.py."""

from typing import ClassVar

from pydantic import Field

from w2s.recipe import SFT, Agreement, Answers, Demonstrations, Model, Pairs, Preference, Recipe, Sampling


class FineTune(Recipe):
    """Step: a LoRA adapter by SFT on the base."""

    version: ClassVar[int] = 2
    model: Model
    sft: SFT


class Prefer(Recipe):
    """Step: M_plus's adapter trained on by DPO or ORPO."""

    version: ClassVar[int] = 2
    model: Model
    preference: Preference


class Sample(Recipe):
    """Step: completions of one model for one table of problems."""

    model: Model
    sampling: Sampling


class Demonstrate(Recipe):
    """Step: demonstrations out of the weak model's completions."""

    demonstrations: Demonstrations
    answers: Answers


class Agree(Recipe):
    """Step: the agreement filter."""

    version: ClassVar[int] = 2
    agreement: Agreement
    answers: Answers


class Pair(Recipe):
    """Step: votes and preference pairs."""

    version: ClassVar[int] = 2
    pairs: Pairs
    answers: Answers


class Grade(Recipe):
    """Step: verdicts on every model's test completions."""

    version: ClassVar[int] = 3  # a table of disputed verdicts; 2: a column for the second opinion
    answers: Answers


class Audit(Recipe):
    """Step: how right the kept set and the chosen side are, by gold; nothing reads it but the report."""

    version: ClassVar[int] = 2
    answers: Answers


class Report(Recipe):
    """Step: report.json and report.html."""

    version: ClassVar[int] = 2
    experiment: str
    description: str
    bootstrap_seed: int = 0
    bootstrap_draws: int = Field(default=10_000, ge=100)
