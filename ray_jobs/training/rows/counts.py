"""Counts of a training's token rows and the files that hold them, as the driver sends them to the workers."""

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, replace

from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import Step
from w2s.recipe import Preference
from w2s.store.manifest import File


@dataclass(frozen=True)
class RowCounts:
    """Counts of the rows of a shard, or of all shards."""

    examples: int = 0
    """Rows that are trained on."""
    too_long: int = 0
    """Rows left out because they have more than `max_tokens` tokens."""
    with_stop_string: int = 0
    """Rows left out because another model's completion contains a stop string of this model."""
    only_thought: int = 0
    """Rows left out because `thinking=false` drops their thought and nothing else is in them."""
    tokens: int = 0
    """Tokens that pass through the model in one epoch, both sides of pairs."""
    boundary_merges: int = 0
    """Completions encoded apart from their prompt, because the tokenizer would merge tokens across the boundary."""
    longest_row: int = 0
    """Tokens of the longest example, or prompt and side of a pair, that is trained on."""

    def __add__(self, other: "RowCounts") -> "RowCounts":
        both = RowCounts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))
        return replace(both, longest_row=max(self.longest_row, other.longest_row))

    @property
    def given(self) -> int:
        """All rows, those left out included."""
        return self.examples + self.too_long + self.with_stop_string + self.only_thought


@dataclass(frozen=True)
class TokenFiles:
    """The token rows of a training. Made by the driver, read by every worker."""

    files: tuple[File, ...]
    """In the step's directory, in the order of their rows."""
    counts: RowCounts
    weight: float
    """Sum of the rows' weights, as they are in the files; 0 where rows have none."""
    left_out: Mapping[str, int]
    """Completions that are no examples, by reason."""

    @property
    def weight_scale(self) -> float:
        """What makes the mean weight 1, so that a learning rate means the same with and without weights."""
        return self.counts.examples / self.weight if self.weight else 1.0

    def numbers(self, batch_size: int) -> dict[str, float]:
        """The numbers for the step's manifest; `padded_rows` are repeated by each epoch to make its last batch
        whole."""
        return {**self.left_out, **asdict(self.counts), "padded_rows": -self.counts.examples % batch_size}

    def check(self, step: Step) -> None:
        """Raise ValueError if no row can be trained on, or if pairs are weighted and no weight is above 0."""
        recipe, counts, field = step.recipe, self.counts, step.settings
        assert isinstance(recipe, FineTune | Prefer)
        if not counts.given:
            why = "its table of preference pairs is empty" if step.input("pairs") else "no row of its inputs is usable"
            raise ValueError(f"{step.name} has nothing to train on: {why}")
        if not counts.examples:
            stop = ", ".join(map(repr, recipe.model.prompt.stop_strings))
            raise ValueError(
                f"{step.name}: none of {counts.given} examples can be trained on: {counts.too_long} are longer than "
                f"{field}.max_tokens={recipe.optimizer.max_tokens}, {counts.with_stop_string} contain a stop string of "
                f"the model ({stop}), {counts.only_thought} are nothing but a thought: "
                f"raise {field}.max_tokens, or change prompt.stop or prompt.thinking"
            )
        if is_weighted(recipe) and not self.weight:
            raise ValueError(
                f"{step.name}: all pairs have a confidence of 0, so that no loss is left: set {field}.weighted=false"
            )


def is_weighted(recipe: FineTune | Prefer) -> bool:
    """Whether a training's rows have weights."""
    return isinstance(recipe.optimizer, Preference) and recipe.optimizer.weighted
