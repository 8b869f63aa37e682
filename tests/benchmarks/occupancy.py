"""How full engines are: a simulation of blocks in flight, with the lengths of real answers.

    python -m tests.benchmarks.occupancy

For each step, the seconds of sampling when everything is given to the engines at once (ideal), over those when engines
take blocks as ray_jobs/resources/occupancy.py cuts them, and as commit 9434349 did (64 problems, 4 blocks in flight, as
many engines as blocks). `lost` is the most finished answers, in problems, that one lost engine has not yet written.

The engine is a 70B model at tensor parallel 4 on 80 GB GPUs: a decoding step reads 35 GB of weights and the KV cache of
each running sequence at 2 TB/s a GPU. Answers are those of W2S_REFERENCE (default ../shared/reference), three
characters a token; without the folder, log-normal lengths of the same mean.
"""

import gzip
import heapq
import json
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ray_jobs.resources.occupancy import block_size, blocks_in_flight, engines_for
from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.resources import Resources

REFERENCE = Path(os.environ.get("W2S_REFERENCE", "../shared/reference"))
STEP_SECONDS, SEQUENCE_SECONDS = 0.0175, 0.00003
"""Of one decoding step: for the weights, and for each running sequence of some 700 tokens of 80 KiB."""


@dataclass(frozen=True)
class Plan:
    """Problems of a block, blocks that an engine holds at once, and engines."""

    size: int
    in_flight: int
    engines: int


@dataclass
class Engine:
    """One engine: sequences that decode, by the step at which they end, and sequences that wait."""

    step: int = 0
    blocks: int = 0
    decoding: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])  # (last step, block)
    waiting: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])  # (tokens, block), next one last


def simulate(lengths: Sequence[Sequence[int]], plan: Plan, max_num_seqs: int) -> float:
    """Seconds until all samples of all problems are decoded; `lengths` holds the tokens of each problem's samples."""
    blocks = [
        [tokens for problem in lengths[start : start + plan.size] for tokens in problem]
        for start in range(0, len(lengths), plan.size)
    ]
    left = [len(block) for block in blocks]
    queue = list(enumerate(blocks))[::-1]
    engines = [Engine() for _ in range(plan.engines)]
    clock = [(0.0, number) for number in range(plan.engines)]
    seconds = 0.0
    while clock:
        now, number = heapq.heappop(clock)
        engine = engines[number]
        while engine.decoding and engine.decoding[0][0] <= engine.step:
            block = heapq.heappop(engine.decoding)[1]
            left[block] -= 1
            engine.blocks -= not left[block]
        while queue and engine.blocks < plan.in_flight:
            block, sequences = queue.pop()
            engine.waiting[:0] = [(tokens, block) for tokens in reversed(sequences)]
            engine.blocks += 1
        while engine.waiting and len(engine.decoding) < max_num_seqs:
            tokens, block = engine.waiting.pop()
            heapq.heappush(engine.decoding, (engine.step + tokens, block))
        if engine.decoding:
            steps = engine.decoding[0][0] - engine.step
            engine.step += steps
            later = now + steps * (STEP_SECONDS + len(engine.decoding) * SEQUENCE_SECONDS)
            heapq.heappush(clock, (later, number))
            seconds = max(seconds, later)
    return seconds


def occupancy(lengths: Sequence[Sequence[int]], resources: Resources, plan: Plan | None = None) -> tuple[float, Plan]:
    """Ideal seconds over the seconds of `plan`, by default of ours; the ideal has as many engines."""
    n = len(lengths[0])
    if plan is None:
        sequences, size = len(lengths) * n, block_size(len(lengths), n, resources)
        engines, blocks = engines_for(sequences, resources), -(-len(lengths) // size)
        plan = Plan(size, blocks_in_flight(blocks, sequences, engines, resources), engines)
    # Each sequence is taken as soon as a place is free, so no engine waits while another has work.
    single = [[tokens] for problem in lengths for tokens in problem]
    ideal = simulate(single, Plan(1, resources.max_num_seqs, plan.engines), resources.max_num_seqs)
    return ideal / simulate(lengths, plan, resources.max_num_seqs), plan


def real_lengths(problems: int, n: int, seed: int = 0, run_on: float = 0.0) -> list[list[int]]:
    """Tokens of n samples of each problem, drawn from the real answers; a share of `run_on` reaches 1,024 tokens."""
    draw = random.Random(seed)
    path = REFERENCE / "gsm8k_llama2_7b_weak.jsonl.gz"
    if path.is_file():
        with gzip.open(path, "rt") as lines:
            known = [max(1, len(json.loads(line)["response"]) // 3) for line in lines]
    else:
        known = [max(1, min(1024, round(draw.lognormvariate(4.4, 0.5)))) for _ in range(7000)]
    return [[1024 if draw.random() < run_on else draw.choice(known) for _ in range(n)] for _ in range(problems)]


def main() -> None:
    """Print the table for the steps of the shipped GSM8K experiment, on the cluster and on 64 nodes."""
    before = Plan(64, 4, 4)
    print(f"answers: {'real' if REFERENCE.is_dir() else 'log-normal'}; ideal seconds over seconds")
    for text in ("cluster-70b", "cluster-70b,max_engines=128"):
        resources = load_resources(text)
        for problems, n, run_on in ((7000, 1, 0.0), (7000, 1, 0.02), (1319, 1, 0.0), (500, 1, 0.0), (7000, 10, 0.02)):
            lengths = real_lengths(problems, n, run_on=run_on)
            ours, plan = occupancy(lengths, resources)
            engines = min(resources.max_engines, -(-problems // before.size))
            old, _ = occupancy(
                lengths, resources.changed(max_num_seqs=256), Plan(before.size, before.in_flight, engines)
            )
            print(
                f"{text:<28} {problems:>5} x {n:<2} run-on {run_on:.0%}: {ours:.3f} with {plan}, "
                f"before {old:.3f} with {engines} engines"
            )


if __name__ == "__main__":
    main()
