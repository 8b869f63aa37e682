"""Token rows of examples and pairs, and the dataset in the order of training.

Rows are made of the ids that the engine sees too (ray_jobs/models/tokens.py), because TRL's own tokenizing differs.
"""

from collections.abc import Sequence
from statistics import mean
from typing import Any

from ray_jobs.models.tokens import Tokens
from ray_jobs.training.values import RowCounts
from w2s.method.batches import training_order
from w2s.method.prompts import completion_text
from w2s.recipe import Optimizer, Preference
from w2s.records import PreferencePair, SFTExample

TokenRow = dict[str, Any]
"""Token ids by column; of a weighted pair also its `weight`, a number."""


def token_rows(
    rows: Sequence[SFTExample] | Sequence[PreferencePair], tokens: Tokens, optimizer: Optimizer, field: str
) -> tuple[list[TokenRow], RowCounts]:
    """The token rows of at most `max_tokens` tokens, in the order of `rows`, and their counts.

    `field` holds the optimizer's settings, for errors. Raises ValueError if every row is too long, or if pairs are
    weighted and none has a confidence above 0.
    """
    stop = tokens.prompt.stop_strings
    uncut = [row for row in rows if not any(string in _learned(row) for string in stop)]
    told = [row for row in uncut if completion_text(tokens.prompt, _learned(row)).strip()]
    weighted = isinstance(optimizer, Preference) and optimizer.weighted
    encoded = [sft_row(row, tokens) if isinstance(row, SFTExample) else pair_row(row, tokens, weighted) for row in told]
    fitting = [row for row in encoded if longest(row) <= optimizer.max_tokens]
    if not fitting:
        raise ValueError(
            f"none of {len(rows)} examples can be trained on: {len(encoded)} are longer than "
            f"{field}.max_tokens={optimizer.max_tokens}, {len(rows) - len(uncut)} contain a stop string of the model "
            f"({', '.join(map(repr, stop))}), {len(uncut) - len(told)} are nothing but a thought: "
            f"raise {field}.max_tokens, or change prompt.stop or prompt.thinking"
        )
    if weighted:
        scale_weights(fitting, field)
    return fitting, RowCounts(
        examples=len(fitting),
        too_long=len(encoded) - len(fitting),
        with_stop_string=len(rows) - len(uncut),
        tokens=sum(sum(len(ids) for name, ids in row.items() if name != "weight") for row in fitting),
        boundary_merges=tokens.boundary_merges,
        padded_rows=-len(fitting) % optimizer.batch_size,
        only_thought=len(uncut) - len(told),
    )


def _learned(row: SFTExample | PreferencePair) -> str:
    """The text that the model learns to write; its completions would end at a stop string in it."""
    return row.completion if isinstance(row, SFTExample) else row.chosen


def scale_weights(rows: Sequence[TokenRow], field: str) -> None:
    """Divide the weights by their mean, so that a learning rate means the same with and without them.

    Raises ValueError if all are 0.
    """
    middle = mean(row["weight"] for row in rows)
    if not middle:
        raise ValueError(f"all pairs have a confidence of 0, so that no loss is left: set {field}.weighted=false")
    for row in rows:
        row["weight"] /= middle


def sft_row(example: SFTExample, tokens: Tokens) -> TokenRow:
    """`input_ids` of prompt + completion + end token, and equally long `labels`, which are -100 on the prompt."""
    prompt = tokens.prompt_ids(example.question)
    completion = tokens.completion_ids(example.question, example.completion)
    return {"input_ids": prompt + completion, "labels": [-100] * len(prompt) + completion}


def pair_row(pair: PreferencePair, tokens: Tokens, weighted: bool = False) -> TokenRow:
    """`prompt_ids`, `chosen_ids` and `rejected_ids`, and with `weighted` the confidence as `weight`.

    Both completions end with the end token.
    """
    row: TokenRow = {
        "prompt_ids": tokens.prompt_ids(pair.question),
        "chosen_ids": tokens.completion_ids(pair.question, pair.chosen),
        "rejected_ids": tokens.completion_ids(pair.question, pair.rejected),
    }
    return row | {"weight": pair.confidence} if weighted else row


def longest(row: TokenRow) -> int:
    """Tokens of a row's longest sequence, prompt included."""
    if "input_ids" in row:
        return len(row["input_ids"])
    return len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))


def dataset(rows: list[TokenRow], optimizer: Optimizer) -> Any:
    """A `datasets.Dataset` of the rows of all epochs in the order of training."""
    from datasets import Dataset

    return Dataset.from_list(rows).select(training_order(len(rows), optimizer))
