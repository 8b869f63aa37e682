"""Output tokens a second: through ray_jobs/sampling/job.py, by a bare AsyncLLM, and by ten LLM runs with seeds 0-9 as
the paper's scripts do it.

    python -m tests.benchmarks.sampling [PROBLEMS]

All three sample the quickstart's strong base on the same prompts at temperature 1, 10 completions a problem, with the
engine arguments of the preset `local`. Against the bare engine, engine starts are excluded; against ten runs they are
included.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.vllm import engine_arguments, engine_environment
from tests.benchmarks.goal import Goal, table
from w2s.data.location import cache_folder
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import Sample
from w2s.graph.step import step
from w2s.recipe import Sampling, WorldProblems
from w2s.records import Problem, Reference
from w2s.store.attempt import Attempt
from w2s.store.store import Store

RESOURCES = load_resources("local")
STRONG = quickstart().strong
SAMPLING = Sampling(n=10, temperature=1.0, max_tokens=64)
ROUNDS = 2


def problems(count: int) -> list[Problem]:
    """The first problems of world seed 1's train_2."""
    from w2s.data.splits import read_problems

    return list(read_problems(WorldProblems(train_1=1, train_2=count, test=1, seed=1)).splits["train_2"].problems)


def prompts(count: int) -> tuple[str, list[list[int]]]:
    """The model's folder and the prompts' token ids."""
    from ray_jobs.models.folders import base_folder
    from ray_jobs.models.tokenizers import load_tokenizer
    from ray_jobs.models.tokens import Tokens

    folder = base_folder(STRONG)
    tokens = Tokens(load_tokenizer(folder), STRONG.prompt)
    return str(folder), [tokens.prompt_ids(problem.question) for problem in problems(count)]


def ours(count: int) -> dict[str, float]:
    """The step as a run does it, in a store of its own."""
    from ray_jobs.runtime import local_ray
    from ray_jobs.runtime.context import Context
    from ray_jobs.runtime.progress import Progress
    from ray_jobs.sampling.job import sample
    from ray_jobs.sampling.pool.pools import Pools
    from ray_jobs.sampling.pool.size import base_of

    store = Store.at(tempfile.mkdtemp())
    source = step("problems", WorldProblems(seed=1))
    attempt = Attempt(store, source)
    attempt.write_records("train_2", problems(count), Problem)
    attempt.write_records("train_2_references", [], Reference)
    attempt.commit({})
    local_ray.start()
    began = time.perf_counter()
    one = step("sampled", Sample(model=STRONG, sampling=SAMPLING), problems=source["train_2"])
    pools = Pools([one], ())
    sample([one], Context(store, RESOURCES, Progress(sys.stderr)), pools)
    pools.release(base_of(one))
    seconds = time.perf_counter() - began
    manifest = store.manifest(one)
    assert manifest is not None
    local_ray.stop()
    return {
        "tokens": manifest.counts["sampled_tokens"],
        "sampling_seconds": manifest.counts["sampling_seconds"],
        "seconds": seconds,
    }


def bare(count: int) -> dict[str, float]:
    """An AsyncLLM that gets every request at once."""
    os.environ.update(engine_environment(RESOURCES, cache_folder()))
    from vllm import SamplingParams, TokensPrompt
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine.async_llm import AsyncLLM

    folder, ids = prompts(count)

    async def run() -> dict[str, float]:
        start = time.perf_counter()
        context = max(map(len, ids)) + SAMPLING.max_tokens
        llm = AsyncLLM.from_engine_args(
            AsyncEngineArgs(
                model=folder, disable_log_stats=True, generation_config="vllm", **engine_arguments(RESOURCES, context)
            )
        )

        async def one(index: int) -> int:
            parameters = SamplingParams(
                n=SAMPLING.n,
                temperature=1.0,
                max_tokens=SAMPLING.max_tokens,
                seed=index * 1000,
                stop=list(STRONG.prompt.stop_strings),
                output_kind=RequestOutputKind.FINAL_ONLY,
            )
            (result,) = [
                r async for r in llm.generate(TokensPrompt(prompt_token_ids=ids[index]), parameters, str(index))
            ]
            return sum(len(output.token_ids) for output in result.outputs)

        began = time.perf_counter()
        tokens = sum(await asyncio.gather(*(one(index) for index in range(len(ids)))))
        ended = time.perf_counter()
        llm.shutdown()
        return {"tokens": tokens, "sampling_seconds": ended - began, "seconds": ended - start}

    return asyncio.run(run())


def ten(count: int) -> dict[str, float]:
    """One LLM with one seed: what the paper's scripts start ten times; the caller multiplies."""
    os.environ.update(engine_environment(RESOURCES, cache_folder()))
    began = time.perf_counter()
    from vllm import LLM, SamplingParams, TokensPrompt

    folder, ids = prompts(count)
    context = max(map(len, ids)) + SAMPLING.max_tokens
    seed = int(os.environ["W2S_SEED"])
    llm = LLM(model=folder, seed=seed, generation_config="vllm", **engine_arguments(RESOURCES, context))
    parameters = SamplingParams(
        temperature=1.0, max_tokens=SAMPLING.max_tokens, seed=seed, stop=list(STRONG.prompt.stop_strings)
    )
    results = llm.generate([TokensPrompt(prompt_token_ids=one) for one in ids], parameters)
    return {"tokens": sum(len(r.outputs[0].token_ids) for r in results), "seconds": time.perf_counter() - began}


def measured(side: str, count: int, **environment: str) -> dict[str, Any]:
    """One side in a process of its own; its wall seconds with process start as `wall`."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "tests.benchmarks.sampling", str(count), side]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(line for line in reversed(done.stdout.splitlines()) if line.startswith("{"))  # vLLM prints there too
    return json.loads(line) | {"wall": time.perf_counter() - began}


def main(count: int) -> list[Goal]:
    """Measure the sides in turn and print them."""
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    walls: list[float] = []
    for _ in range(ROUNDS):
        for side in rates:
            result = measured(side, count)
            rates[side].append(result["tokens"] / result["sampling_seconds"])
            print(
                f"{side:<5} {result['tokens']:,.0f} tokens, {rates[side][-1]:,.0f} tokens/s, "
                f"{result['wall']:.1f} s with engine start",
                flush=True,
            )
            if side == "ours":
                walls.append(result["wall"])
    runs = [measured("ten", count, W2S_SEED=str(seed))["wall"] for seed in range(10)]
    best = {side: max(rate) for side, rate in rates.items()}
    return [
        Goal("tokens/s, engine starts excluded", best["ours"], "a bare AsyncLLM", best["bare"], "at least", 0.95),
        Goal("seconds of 10 samples a problem", min(walls), "ten runs of LLM, a seed each", sum(runs), "at most", 0.2),
    ]


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    if len(sys.argv) > 2:
        print(json.dumps({"ours": ours, "bare": bare, "ten": ten}[sys.argv[2]](number)))
    else:
        print(table(main(number)))
