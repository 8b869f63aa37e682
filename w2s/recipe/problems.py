"""Where problems come from: sources and their columns, three splits of datasets, the generated world; responses."""

import json
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from w2s.recipe.model import Location, Recipe, StepRecipe, located


def _cell_text(value: object) -> object:
    """Booleans, numbers and None as w2s/data/cells/text.py writes them."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value) if isinstance(value, bool | int | float) else value


CellText = Annotated[str, BeforeValidator(_cell_text)]
"""The text of a cell; may be given as a boolean, a number or None."""


class Source(Recipe):
    """One split: where its rows come from, and which columns hold its fields."""

    name: Location
    """Hub name of a dataset; a file or glob anywhere fsspec reads, of .jsonl, .ndjson, .json, .csv, .tsv (all also
    with .gz, .zst, .bz2), .parquet or .arrow files; a folder of `Dataset.save_to_disk`, or a clone of a dataset."""
    revision: str | None = None
    """Hub commit or `sha256:...` of the files; None is resolved once per store and recorded there."""
    subset: str | None = None
    """The configuration of a hub dataset or of a clone."""
    split: str = "train"
    """The split of a hub dataset or of a folder, or the list of rows in a .json file such as {"train": [...]}."""
    rows: tuple[int, int] | None = None
    """Half-open range of rows, after the shuffle by `DatasetProblems.seed`; None takes all."""
    seed: int | None = None
    """Seed of that shuffle for this source alone; None takes `DatasetProblems.seed`."""
    question: str = "question"
    """Column of the question, or of a chat's turns (`messages`), whose last user turn is the question. In all columns a
    dot leads into nested cells: `extra.text`."""
    answer: str | None = None
    """Column of the final answer, or of solutions that end with it; None reads it from the end of the solution."""
    solution: str | None = None
    """Column of the worked solution, or of a chat's turns, whose last assistant turn is the solution; None where there
    is none (then `answer` must be set, or the split has no gold)."""
    id: str | None = None
    """Column of a unique id; None numbers the rows of the source from 0, before the shuffle."""
    kind: str | None = None
    """Column of the answer kind, copied to `Problem.kind`."""
    level: str | None = None
    """Column of a difficulty or subject label, copied to `Problem.level`."""
    where: tuple[tuple[str, tuple[CellText, ...]], ...] = ()
    """(column, allowed values): rows with another value are left out and counted. Booleans are true and false, as JSON
    writes them; a missing value is an empty text."""

    def identity(self) -> dict[str, Any]:
        """Files are identified by their hash alone, so that they may be moved; only rows that are cut see a seed."""
        identity = super().identity()
        if self.rows is None or self.seed is None:
            del identity["seed"]
        return located(identity, self.revision)


class Completions(Recipe):
    """Responses that are there already, of an API model or of people, in place of the weak model's own answers."""

    source: Source
    """One response to each problem of train_2: `solution` is its column, or a chat's; `id` the column of problem ids,
    and without it the question says which problem it answers. Missing ones are counted as failed."""
    test: Source | None = None
    """Responses to all problems of the test split, for the floor; None: no floor, and no PGR."""
    finish_reason: str | None = None
    """Column that says how a response ended, as APIs do: `stop`, `end_turn`, or `length`, `max_tokens` where it was cut
    off; any other value, as `content_filter`, is a failure. None: all are whole."""

    @model_validator(mode="after")
    def _responses_have_a_column(self) -> Self:
        for name, source in (("source", self.source), ("test", self.test)):
            if source is None:
                continue
            if source.solution is None:
                raise ValueError(f"{name}.solution must be the column of the responses")
            if unused := [
                field for field in ("answer", "rows", "seed", "kind", "level") if getattr(source, field) is not None
            ]:
                raise ValueError(f"{name}.{unused[0]} is not read from responses: set it to None")
        return self


NEAR_DUPLICATE = 0.7
"""In GSM8K, questions over 0.7 with equal numbers differ in a name or a clause's form."""

SPLITS = ("train_1", "train_2", "test")
SPLIT_TABLES = (*SPLITS, *(f"{split}_references" for split in SPLITS))
PROBLEM_TABLES = (*SPLIT_TABLES, "duplicates", "disagreements")


class DatasetProblems(StepRecipe):
    """Problems from datasets: the weak model's gold half, the strong model's questions, the test split."""

    # The manifest has the contents of the splits; 2: exact texts of cells, final answers, Unicode, disagreements.
    version: ClassVar[int] = 4  # a heading `#### Step 1` of a solution is no final answer
    tables, by_content = PROBLEM_TABLES, SPLIT_TABLES

    train_1: Source
    """No step reads it if the weak model is not fine-tuned."""
    train_2: Source
    test: Source
    seed: int = 42
    """Seed of the shuffle before `Source.rows` cuts a source."""
    overlap: Literal["error", "remove", "keep"] = "remove"
    """For a question of train_2 in train_1 or test, or of train_1 in test: stop, remove it, or keep it (the paper)."""
    near_duplicate: float = Field(default=NEAR_DUPLICATE, ge=0.1, le=1)
    """Least Jaccard similarity of word triples, 0..1, at which two questions with equal numbers overlap."""
    repeats: Literal["error", "remove", "keep"] = "error"
    """For a question that occurs twice in one split: stop, keep the first, or keep all."""
    max_disagreement: float = Field(default=0.01, ge=0, le=1)
    """Largest share of a split's solutions whose final answers may differ from the column of answers."""
    solution_ending: str = "\n#### {answer}"
    """Appended to a solution that does not come with its final answer; the marker is the answer family's."""
    drop_calculator_marks: bool = True
    """Remove GSM8K's `<<...>>` marks from solutions."""


class TestProblems(StepRecipe):
    """Problems of one split, to ask models of, with the fields that `DatasetProblems` has for its test split."""

    __test__: ClassVar[bool] = False  # it is no test of pytest's
    tables = ("test", "test_references", "disagreements")
    by_content = ("test", "test_references")

    test: Source
    seed: int = 42
    repeats: Literal["error", "remove", "keep"] = "error"
    max_disagreement: float = Field(default=0.01, ge=0, le=1)
    solution_ending: str = "\n#### {answer}"
    drop_calculator_marks: bool = True


class WorldProblems(StepRecipe):
    """Problems of a generated world of word problems (w2s/data/worlds)."""

    version: ClassVar[int] = 2  # the manifest has the contents of the splits
    later: ClassVar[tuple[str, ...]] = ("world",)
    tables, by_content = PROBLEM_TABLES, SPLIT_TABLES

    train_1: int = Field(default=600, ge=1)
    train_2: int = Field(default=600, ge=1)
    test: int = Field(default=600, ge=1)
    """Problems per split."""
    seed: int = 0
    world: Literal["small", "hard", "programs"] = "small"
    """`small`: the quickstart's; `hard`: problems with levels and sentences that are easily misread; `programs`: what a
    few such lines of Python print."""

    def identity(self) -> dict[str, Any]:
        """With a version of the hard world's own. 3: shown things; 2: one to three events."""
        return super().identity() | ({"hard_version": 3} if self.world == "hard" else {})
