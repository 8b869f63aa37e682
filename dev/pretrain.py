"""Makes the tokenizer and bases of the generated worlds from a seed: `python -m dev.pretrain FOLDER [--only NAME]`.

The quickstart's, `weak` and `strong`, are Llama models trained on the documents of w2s/data/worlds/small.py and on
nothing else, in two phases: in the first, writers are careful or careless; in the second, short one, hasty by degrees.
The weak base's first phase stops where its ability appears, in the middle of its schedule. About 12 minutes on two CPU
cores. The bases of the worlds with traps, such as `hard_weak` and `hard_strong`, go on from the shipped two, with their
tokenizer, on documents of their world. About 20 minutes a world on one idle core.

The shipped weights (w2s/data/bases) were made by these phases with an earlier form of the generator, which drew the
same kinds of documents in another order. Run again, this makes bases like them, not the same bytes.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from w2s.data.worlds import hard, programs, small
from w2s.data.worlds.traps import World

SHIPPED = Path(__file__).parent.parent / "w2s" / "data" / "bases"
VOCABULARY = 512
ROW_TOKENS = 384
"""Tokens of a training row, which starts with a document's beginning."""
CONTEXT_TOKENS = 1024
QUESTION_WEIGHT = 0.1
"""Loss weight of what cannot be foreseen: the questions; answers have 1."""


@dataclass(frozen=True)
class Phase:
    """One stretch of training and its documents."""

    schedule_tokens: int
    """What the learning rate's schedule is made for."""
    stop_tokens: int
    """Where the phase ends."""
    peak_learning_rate: float
    weight_decay: float
    warmup_steps: int
    seed: int
    """Added to the command's: of the documents."""
    document: Callable[[int, int], str] = small.document
    """Of a seed and an index."""
    rows: int = 16
    """Per optimizer step."""


@dataclass(frozen=True)
class Base:
    """Sizes and training of one base."""

    hidden: int
    intermediate: int
    phases: tuple[Phase, ...]
    layers: int = 4
    start: str | None = None
    """The shipped base whose weights it goes on from."""
    head_size: int = 64
    """The smallest but one that vLLM's CPU attention takes."""


MOSTLY_CAREFUL = {0.02: 0.7, 0.4: 0.1, 0.8: 0.2}
LESS_CAREFUL = {0.02: 0.4, 0.4: 0.25, 0.8: 0.35}
SELDOM_CAREFUL = {0.05: 0.4, 0.4: 0.3, 0.8: 0.3}
MOSTLY_CARELESS = {0.05: 0.35, 0.4: 0.3, 0.8: 0.35}
"""Degrees of carelessness in the documents of a world with traps, and their weights."""


SMALL = {
    "strong": Base(
        hidden=192,
        intermediate=512,
        phases=(
            Phase(7_000_000, 7_000_000, 2.5e-3, 0.1, 100, 0),
            Phase(800_000, 800_000, 1e-3, 0.05, 20, 7, partial(small.document, graded=True, settled=1.0)),
        ),
    ),
    "weak": Base(
        hidden=128,
        intermediate=352,
        phases=(
            Phase(4_500_000, 2_500_000, 2.5e-3, 0.1, 100, 0),
            Phase(400_000, 400_000, 1e-3, 0.05, 20, 7, partial(small.document, graded=True)),
        ),
    ),
}
"""The bases of the quickstart's world."""


def with_traps(world: World) -> dict[str, Base]:
    """The two bases of a world with traps: the strong one reads rightly first, and is then used to careless writers."""

    def further(start: str, *phases: Phase) -> Base:
        return replace(SMALL[start], start=start, phases=phases)

    def phase(tokens: int, rate: float, decay: float, seed: int, degrees: dict[float, float]) -> Phase:
        return Phase(tokens, tokens, rate, decay, 30, seed, partial(world.document, degrees=degrees), 8)

    return {
        f"{world.name}_strong": further(
            "strong",
            phase(3_000_000, 2e-3, 0.1, 201, MOSTLY_CAREFUL),
            phase(1_500_000, 1.5e-3, 0.05, 202, LESS_CAREFUL),
        ),
        f"{world.name}_weak": further(
            "weak",
            phase(1_200_000, 1.5e-3, 0.1, 211, SELDOM_CAREFUL),
            phase(800_000, 1e-3, 0.05, 212, MOSTLY_CARELESS),
        ),
    }


BASES = SMALL | with_traps(hard.WORLD) | with_traps(programs.WORLD)


def make_tokenizer(seed: int) -> Any:
    """A byte-level BPE of 512 tokens, each digit its own token, `<s>` put in front by the post-processor."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    pieces = Regex(r"\d|\n#### ?|\n+| ?[A-Za-z]+|[.?] | [+*=-] |.")
    split = pre_tokenizers.Split(pieces, "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((small.document(seed, -1 - index) for index in range(4000)), trainer)
    begin = [("<s>", tokenizer.token_to_id("<s>"))]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A $B", special_tokens=begin)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        model_max_length=CONTEXT_TOKENS,
        clean_up_tokenization_spaces=False,
    )


def make_rows(tokenizer: Any, phase: Phase, seed: int) -> tuple[Any, Any]:
    """Token ids and loss weights, both [rows, ROW_TOKENS + 1]: whole documents one after another, the last of a row
    cut."""
    import torch

    answer = tokenizer.convert_tokens_to_ids("Answer")
    question = tokenizer("\n\nQuestion", add_special_tokens=False).input_ids[0]
    count = phase.schedule_tokens // ROW_TOKENS
    rows: list[list[int]] = []
    weights: list[list[float]] = []
    row: list[int] = []
    weight: list[float] = []
    index = 0
    while len(rows) < count:
        texts = [phase.document(seed + phase.seed, i) for i in range(index, index + 2000)]
        index += len(texts)
        for ids in tokenizer(texts).input_ids:
            inside = False
            for token in [*ids, tokenizer.eos_token_id]:
                row.append(token)
                weight.append(1.0 if inside else QUESTION_WEIGHT)
                inside = token == answer or (inside and token != question)
            if len(row) > ROW_TOKENS:
                rows.append(row[: ROW_TOKENS + 1])
                weights.append(weight[: ROW_TOKENS + 1])
                row, weight = [], []
    return torch.tensor(rows[:count]), torch.tensor(weights[:count])


def pretrain(name: str, folder: Path, seed: int) -> None:
    """Train one base and save it to `folder/name` in bfloat16, with its tokenizer."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    base = BASES[name]
    tokenizer = AutoTokenizer.from_pretrained(SHIPPED / base.start) if base.start else make_tokenizer(seed)
    torch.manual_seed(seed)
    heads = base.hidden // base.head_size
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=base.hidden,
        intermediate_size=base.intermediate,
        num_hidden_layers=base.layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        head_dim=base.head_size,
        max_position_embeddings=CONTEXT_TOKENS,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model: Any = LlamaForCausalLM(config)
    if base.start:
        model = LlamaForCausalLM.from_pretrained(SHIPPED / base.start, dtype=torch.float32)
    for phase in base.phases:
        train(model, phase, *make_rows(tokenizer, phase, seed))
        model.to(torch.bfloat16).to(torch.float32)  # a phase goes on from what would have been saved
    model.to(torch.bfloat16).save_pretrained(folder / name)
    tokenizer.save_pretrained(folder / name)


def train(model: Any, phase: Phase, ids: Any, weights: Any) -> None:
    """One phase; `ids` and `weights` are [rows, ROW_TOKENS + 1]."""
    import torch
    from torch.nn import functional

    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": phase.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=phase.peak_learning_rate, betas=(0.9, 0.95), fused=True)
    steps = len(ids) // phase.rows
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / phase.warmup_steps, max(0.02, 1.6 * (1 - step / steps)))
    )
    began, seen = time.monotonic(), 0
    for step in range(steps):
        rows = slice(step * phase.rows, (step + 1) * phase.rows)
        batch, weight = ids[rows], weights[rows, 1:]
        logits = model(input_ids=batch[:, :-1], use_cache=False).logits
        losses = functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten(), reduction="none")
        ((losses * weight.flatten()).sum() / weight.sum()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()
        seen += batch[:, 1:].numel()
        done = seen >= phase.stop_tokens
        if step % 50 == 0 or done:
            on_answers = losses.detach()[weight.flatten() == 1].mean().item()
            print(
                f"step {step}/{steps}, {seen:,} tokens, {time.monotonic() - began:.0f} s, loss {on_answers:.4f}",
                flush=True,
            )
        if done:
            break


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=tuple(BASES))
    options = parser.parse_args()
    for name in BASES:
        if options.only in (None, name):
            pretrain(name, options.folder, options.seed)


if __name__ == "__main__":
    main()
