"""How much each step computes: rows, tokens and passes, from recipes and the expected sizes of tables.

The sizes of tables that no step has written yet are expectations (ray_jobs/cost/rates.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ray_jobs.cost.rates import Rates
from w2s.graph.recipes import Agree, Demonstrate, FineTune, Label, OpenVotes, Pair, Prefer, Sample
from w2s.graph.step import Step
from w2s.recipe import SPLITS, DatasetProblems, Recipe, Source, TestProblems, WorldProblems


@dataclass(frozen=True)
class Work:
    """Tokens of one step, all rows together."""

    step: Step
    rows: int
    """Problems of a sampling step; examples or pairs of a training."""
    prompt_tokens: float = 0.0
    """To prefill; the demonstrations that all prompts share are counted once, because the engine caches them."""
    sampled_tokens: float = 0.0
    trained_tokens: float = 0.0
    """Through the model in training, all epochs, both sides of pairs."""
    context: float = 0.0
    """Mean tokens of a prompt and its completion: what a decoding sequence holds in the KV cache."""

    @property
    def tokens(self) -> float:
        """What a measured speed counts: completion tokens, or tokens that a training passes over."""
        return self.sampled_tokens or self.trained_tokens


def split_rows(problems: Recipe, rates: Rates, known: Mapping[str, int]) -> dict[str, int]:
    """Rows of each split: those that are `known`, else as far as the recipe says it, else `rates.problems`."""
    if isinstance(problems, WorldProblems):
        told = {"train_1": problems.train_1, "train_2": problems.train_2, "test": problems.test}
    else:
        assert isinstance(problems, DatasetProblems | TestProblems)
        told = {name: _rows(getattr(problems, name), rates) for name in SPLITS if name in problems.tables}
    return {name: known.get(name, rows) for name, rows in told.items()}


def _rows(source: Source, rates: Rates) -> int:
    return source.rows[1] - source.rows[0] if source.rows else rates.problems


def all_work(steps: Sequence[Step], splits: Mapping[str, int], rates: Rates) -> dict[str, Work]:
    """The work of each sampling and training step, by name. `splits` are the rows of each split."""
    made: dict[str, Work] = {}
    for step in steps:
        if isinstance(step.recipe, Sample):
            made[step.name] = _sampling(step, splits, rates)
        elif isinstance(step.recipe, FineTune | Prefer):
            made[step.name] = _training(step, splits, rates)
    return made


def _sampling(step: Step, splits: Mapping[str, int], rates: Rates) -> Work:
    assert isinstance(step.recipe, Sample)
    table = dict(step.inputs)["problems"]
    sampling, problems = step.recipe.sampling, splits[table.name]
    if isinstance(table.step.recipe, OpenVotes) and (budget := table.step.recipe.more.budget):  # at most
        problems = min(problems, budget // sampling.n)
    answer = min(rates.answer_tokens, sampling.max_tokens)
    demonstrations = shown([step]) * (rates.question_tokens + answer)
    return Work(
        step,
        problems,
        prompt_tokens=problems * rates.question_tokens + demonstrations,
        sampled_tokens=problems * sampling.n * answer,
        context=demonstrations + rates.question_tokens + answer / 2,
    )


def shown(steps: Sequence[Step]) -> int:
    """Most demonstrations in a prompt of these steps."""
    tables = [table for step in steps if (table := step.input("demonstrations"))]
    recipes = [table.step.recipe for table in tables]
    return max((recipe.demonstrations.count for recipe in recipes if isinstance(recipe, Demonstrate)), default=0)


def _training(step: Step, splits: Mapping[str, int], rates: Rates) -> Work:
    assert isinstance(step.recipe, FineTune | Prefer)
    rows = _examples(step, splits, rates)
    optimizer = step.recipe.optimizer
    length = min(rates.question_tokens + rates.answer_tokens, optimizer.max_tokens)
    sides = 1 if isinstance(step.recipe, FineTune) else 2
    return Work(step, rows, trained_tokens=rows * sides * length * optimizer.epochs, context=length)


def _examples(step: Step, splits: Mapping[str, int], rates: Rates) -> int:
    """Expected rows of a training's input."""
    for role, table in step.inputs:
        if isinstance(table.step.recipe, Agree):
            return round(splits["train_2"] * rates.kept)
        if isinstance(table.step.recipe, Label):  # at most: some problems have no majority
            return splits["train_2"] * table.step.recipe.labels.per_problem
        if isinstance(table.step.recipe, Pair):
            return round(splits["train_2"] * rates.pairs)
        if role == "problems":
            part = step.recipe.part if isinstance(step.recipe, FineTune) else 1.0
            return round(splits[table.name] * part)
    raise AssertionError(f"{step.name} trains on no known table")
