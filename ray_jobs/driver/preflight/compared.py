"""Whether engine and trainer are one model: the ids of their texts, and log-probabilities without and with an adapter.

The trainer's side is what its own steps have recorded of their first batch, before any update: the loss of M_plus's SFT
is the base's, and the log-probabilities that DPO or ORPO begins with are M_plus's. So no model is loaded a second time
for it, and any ZeRO stage and number of workers is compared as it trains.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from statistics import fmean
from typing import Any

from ray_jobs.cluster.checks import Row
from ray_jobs.driver.preflight.engine import Answer, Seen
from ray_jobs.models.tokens import Tokens
from ray_jobs.runtime.shards import rows_of, tasks_of
from ray_jobs.training.rows.encode import TokenRow, sft_rows, token_rows
from ray_jobs.training.rows.examples import examples_of, input_records
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import Step
from w2s.method.batches import training_order
from w2s.method.prompts import completion_text
from w2s.records import SFTExample
from w2s.store.store import Store

Part = tuple[list[int], int]
"""Ids of a text that a model learns, and how many of them are its prompt."""
TOLERANCE = {"float32": 0.002, "float16": 0.01, "bfloat16": 0.02}
"""Nats a token that engine and trainer may differ by in the mean, by the coarser of their dtypes. On CPU the quickstart
differs by less than 0.0001 in float32 and by 0.0007 in bfloat16; no GPU has been seen."""
row = partial(Row, "cluster")


def first_batch(step: Step, store: Store, tokens: Tokens) -> list[TokenRow]:
    """The token rows of a training's first optimizer step."""
    recipe, records = step.recipe, input_records(step)
    assert isinstance(recipe, FineTune | Prefer)
    rows: list[TokenRow] = []
    for task in tasks_of(step, store, records):
        examples, _ = examples_of(step, rows_of(task, store, records))
        rows += token_rows(examples, tokens, recipe.optimizer.max_tokens)[0]
    return [rows[number] for number in training_order(len(rows), recipe.optimizer)[: recipe.optimizer.batch_size]]


def sides(row: TokenRow) -> list[Part]:
    """The text of an SFT row, or the chosen and the rejected one of a pair."""
    if "input_ids" in row:
        return [(row["input_ids"], row["labels"].count(-100))]
    prompt = row["prompt_ids"]
    return [(prompt + row[side], len(prompt)) for side in ("chosen_ids", "rejected_ids")]


def same_ids(answers: Sequence[Answer], tokens: Tokens) -> Row:
    """Whether the trainer would learn the answers as the engine wrote them.

    Other prompts and other texts are faults. The same text of other tokens is none: what a model samples need not be
    what the tokenizer makes of its text, and training takes the latter.
    """
    examples = [SFTExample("", answer.question, answer.text, "") for answer in answers]
    prompts = tokens.prompts_ids([answer.question for answer in answers])
    learned = [
        made["input_ids"][len(prompt) :] for made, prompt in zip(sft_rows(examples, tokens), prompts, strict=True)
    ]
    found = list(zip(answers, prompts, learned, strict=True))
    prompted = sum(list(answer.prompt) == prompt for answer, prompt, _ in found)
    # What a stop string or max_tokens cut has no end token, and its last token may have gone on.
    ids = [list(a.completion) == ids if a.is_ended else list(a.completion)[: len(ids) - 2] == ids[:-2]
           for a, _, ids in found]  # fmt: skip
    texts = sum(_text(ids, tokens) == completion_text(tokens.prompt, answer.text).strip() for answer, _, ids in found)
    ended = sum(answer.is_ended for answer in answers)
    said = (
        f"{prompted} of {len(found)} prompts and {sum(ids)} of {len(found)} answers ({ended} with an end token) have "
        f"the same ids in engine and training, {texts} answers the same text"
    )
    if prompted < len(found) or texts < len(found):
        return row("token ids", False, f"{said}: one of them has another tokenizer: put the same files on every node")
    return row("token ids", True, said + (", of other tokens" if sum(ids) < len(found) else ""))


def _text(ids: list[int], tokens: Tokens) -> str:
    decoded: str = tokens.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return decoded.strip()


def same_base(parts: Sequence[Part], logps: Sequence[Sequence[float]], first_loss: float, allowed: float) -> Row:
    """Compare the base's loss in the engine with the trainer's first one; `logps` are the engine's of the parts."""
    learned = list(chain.from_iterable(_learned(part, logp) for part, logp in zip(parts, logps, strict=True)))
    apart = abs(-fmean(learned) - first_loss)
    said = f"{-fmean(learned):.4f} nats a token in the engine, {first_loss:.4f} in the trainer, {len(learned):,} tokens"
    return _compared("base", said, apart, allowed)


def same_adapter(parts: Sequence[Part], seen: Seen, counts: Mapping[str, float], mean: bool, allowed: float) -> Row:
    """Whether M_plus's adapter changes the engine's log-probabilities, and to the trainer's.

    `parts` are chosen and rejected sides in turn, `counts` those of the manifest of DPO or ORPO, which logs a `mean`
    over the tokens of a side.
    """
    engine = [_learned(part, logp) for part, logp in zip(parts, seen.trained, strict=True)]
    said = f"{sum(map(len, engine)):,} tokens"
    if seen.base:
        base = [_learned(part, logp) for part, logp in zip(parts, seen.base, strict=True)]
        change = fmean(abs(a - b) for a, b in zip(chain(*engine), chain(*base), strict=True))
        said = f"changes {change:.4f} nats a token in the engine, {said}"
        if not change > allowed:
            return row("adapter", False, f"{said}: without effect there: compare its layers' names with the engine's")
    if not counts:
        return row("adapter", True, f"{said}; without dpo and orpo the trainer says nothing of it")
    apart: list[float] = []
    for first, side in enumerate(("chosen", "rejected")):
        own = engine[first::2]
        length = 1.0 if mean else fmean(map(len, own))
        found = fmean(fmean(logps) if mean else sum(logps) for logps in own)
        apart.append(abs(found - counts[f"first_{side}_logp"]) / length)
    largest = math.nan if any(map(math.isnan, apart)) else max(apart)
    return _compared("adapter" if seen.base else "whole model", said, largest, allowed)


def _compared(check: str, said: str, apart: float, allowed: float) -> Row:
    said = f"engine and trainer are {apart:.4f} nats a token apart: {said}"
    if apart <= allowed:  # not where it is NaN
        return row(check, True, said)
    return row(
        check, False, f"{said}; {allowed:g} is allowed: the engine is another model than the one that is trained"
    )


def _learned(part: Part, logps: Sequence[float]) -> Sequence[float]:
    """Log-probabilities of the tokens behind the prompt; the first token of a text has none."""
    return logps[part[1] - 1 :]


def allowed(dtypes: Sequence[str]) -> float:
    """The tolerance of the coarsest of the dtypes."""
    return max(TOLERANCE[dtype] for dtype in dtypes)


def is_mean(step: Step) -> bool:
    """Whether a preference trainer logs means over tokens: ORPO does, DPO logs sums."""
    recipe: Any = step.recipe
    return isinstance(recipe, Prefer) and recipe.preference.loss == "orpo"
