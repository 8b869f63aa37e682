"""Token rows of examples and pairs.

Rows are made of the ids that the engine sees too (ray_jobs/models/tokens.py), because TRL's own tokenizing differs.
"""

from typing import Any

from ray_jobs.models.tokens import Tokens
from ray_jobs.training.rows.counts import RowCounts
from ray_jobs.training.rows.examples import Examples
from w2s.method.prompts import completion_text
from w2s.records import PreferencePair, SFTExample

TokenRow = dict[str, Any]
"""Token ids by column; of a weighted pair also its `weight`, a number."""


def token_rows(
    rows: Examples, tokens: Tokens, max_tokens: int, weighted: bool = False
) -> tuple[list[TokenRow], RowCounts]:
    """The token rows of at most `max_tokens` tokens, in the order of `rows`, and their counts.

    With `weighted`, the weight of a pair is its confidence.
    """
    stop = tokens.prompt.stop_strings
    uncut = [row for row in rows if not any(string in _learned(row) for string in stop)]
    told = [row for row in uncut if completion_text(tokens.prompt, _learned(row)).strip()]
    merges = tokens.boundary_merges
    encoded = [sft_row(row, tokens) if isinstance(row, SFTExample) else pair_row(row, tokens, weighted) for row in told]
    fitting = [row for row in encoded if longest(row) <= max_tokens]
    return fitting, RowCounts(
        examples=len(fitting),
        too_long=len(encoded) - len(fitting),
        with_stop_string=len(rows) - len(uncut),
        only_thought=len(uncut) - len(told),
        tokens=sum(sum(len(ids) for name, ids in row.items() if name != "weight") for row in fitting),
        boundary_merges=tokens.boundary_merges - merges,
    )


def _learned(row: SFTExample | PreferencePair) -> str:
    """The text that the model learns to write; its completions would end at a stop string in it."""
    return row.completion if isinstance(row, SFTExample) else row.chosen


def sft_row(example: SFTExample, tokens: Tokens) -> TokenRow:
    """`input_ids` of prompt + completion + end token, and equally long `labels`, which are -100 on the prompt."""
    prompt = tokens.prompt_ids(example.question)
    completion = tokens.completion_ids(example.question, example.completion, prompt)
    return {"input_ids": prompt + completion, "labels": [-100] * len(prompt) + completion}


def pair_row(pair: PreferencePair, tokens: Tokens, weighted: bool = False) -> TokenRow:
    """`prompt_ids`, `chosen_ids` and `rejected_ids`, and with `weighted` the confidence as `weight`.

    Both completions end with the end token.
    """
    prompt = tokens.prompt_ids(pair.question)
    row: TokenRow = {
        "prompt_ids": prompt,
        "chosen_ids": tokens.completion_ids(pair.question, pair.chosen, prompt),
        "rejected_ids": tokens.completion_ids(pair.question, pair.rejected, prompt),
    }
    return row | {"weight": pair.confidence} if weighted else row


def longest(row: TokenRow) -> int:
    """Tokens of a row's longest sequence, prompt included."""
    if "input_ids" in row:
        return len(row["input_ids"])
    return len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))
