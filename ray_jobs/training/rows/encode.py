"""Token rows of examples and pairs.

Rows are made of the ids that the engine sees too (ray_jobs/models/tokens.py), because TRL's own tokenizing differs.
"""

from collections.abc import Sequence
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

    All rows are encoded together. With `weighted`, the weight of a pair is its confidence.
    """
    stop = tokens.prompt.stop_strings
    uncut = [row for row in rows if not any(string in _learned(row) for string in stop)]
    told = [row for row in uncut if completion_text(tokens.prompt, _learned(row)).strip()]
    merges = tokens.boundary_merges
    examples = [row for row in told if isinstance(row, SFTExample)]
    pairs = [row for row in told if isinstance(row, PreferencePair)]
    encoded = [*sft_rows(examples, tokens), *pair_rows(pairs, tokens, weighted)]
    fitting = [row for row in encoded if longest(row) <= max_tokens]
    return fitting, RowCounts(
        examples=len(fitting),
        too_long=len(encoded) - len(fitting),
        with_stop_string=len(rows) - len(uncut),
        only_thought=len(uncut) - len(told),
        tokens=sum(map(passed_tokens, fitting)),
        boundary_merges=tokens.boundary_merges - merges,
        longest_row=max(map(longest, fitting), default=0),
    )


def _learned(row: SFTExample | PreferencePair) -> str:
    """The text that the model learns to write; its completions would end at a stop string in it."""
    return row.completion if isinstance(row, SFTExample) else row.chosen


def sft_rows(examples: Sequence[SFTExample], tokens: Tokens) -> list[TokenRow]:
    """`input_ids` of prompt + completion + end token, and equally long `labels`, which are -100 on the prompt."""
    questions = [example.question for example in examples]
    prompts = tokens.prompts_ids(questions)
    completions = tokens.completions_ids(questions, [example.completion for example in examples], prompts)
    return [
        {"input_ids": prompt + completion, "labels": [-100] * len(prompt) + completion}
        for prompt, completion in zip(prompts, completions, strict=True)
    ]


def pair_rows(pairs: Sequence[PreferencePair], tokens: Tokens, weighted: bool = False) -> list[TokenRow]:
    """`prompt_ids`, `chosen_ids` and `rejected_ids`, and with `weighted` the confidence as `weight`.

    Both completions end with the end token.
    """
    questions = [pair.question for pair in pairs]
    prompts = tokens.prompts_ids(questions)
    chosen = tokens.completions_ids(questions, [pair.chosen for pair in pairs], prompts)
    rejected = tokens.completions_ids(questions, [pair.rejected for pair in pairs], prompts)
    return [
        {"prompt_ids": prompt, "chosen_ids": better, "rejected_ids": worse}
        | ({"weight": pair.confidence} if weighted else {})
        for pair, prompt, better, worse in zip(pairs, prompts, chosen, rejected, strict=True)
    ]


def passed_tokens(row: TokenRow) -> int:
    """Tokens of a row that pass through the model: of a pair, the prompt goes with either side."""
    if "input_ids" in row:
        return len(row["input_ids"])
    return 2 * len(row["prompt_ids"]) + len(row["chosen_ids"]) + len(row["rejected_ids"])


def longest(row: TokenRow) -> int:
    """Tokens of a row's longest sequence, prompt included."""
    if "input_ids" in row:
        return len(row["input_ids"])
    return len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))
