"""The real engine in this process: samples, seeds, adapters and the ids it is given."""

import asyncio
import gc
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import safetensors.torch

from ray_jobs.driver.preflight.compared import same_adapter, same_base, same_ids, sides
from ray_jobs.driver.preflight.engine import seen
from ray_jobs.models.export import export_adapter, export_tokenizer
from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.vllm import PREFILL_TOKENS, EngineSize
from ray_jobs.sampling.engine import Engine
from ray_jobs.sampling.inputs import Task
from ray_jobs.sampling.results import BlockRequest, ProblemRows
from ray_jobs.training.rows.encode import pair_rows, sft_rows
from tests.conftest import ROOT, wait_for
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import FineTune, Sample
from w2s.graph.step import Step, step
from w2s.recipe import SFT, Sampling, WorldProblems
from w2s.records import Completion, PreferencePair, Problem, SFTExample
from w2s.store import layout
from w2s.store.attempt import Attempt
from w2s.store.store import Store

pytestmark = pytest.mark.ray
STRONG = quickstart().strong
QUESTIONS = [
    "Leo has 12 pens. Leo buys 7 more. How many pens does Leo have?",
    "Mia has 5 books. Mia loses 2. How many books does Mia have?",
]


class Known(dict[str, Task]):
    """The tasks that the engine may ask for, by the step's directory."""

    async def task(self, step: str) -> Task:
        return self[step]

    async def dropped(self, known: int) -> list[str]:
        """None ever is."""
        return await asyncio.Future[list[str]]()


TASKS: list[Task] = []


@pytest.fixture(scope="module")
def engine(adapter: tuple[Store, Step]) -> Iterator[tuple[Engine, Store, Step]]:
    store, made = adapter
    problems = step("problems", WorldProblems())["test"]
    many = Sampling(n=8, temperature=1.0, max_tokens=16)
    greedy = Sampling(max_tokens=16)
    TASKS[:] = [
        Task(step("sampled", Sample(model=STRONG, sampling=many), problems=problems), (), "base", 0),
        Task(step("greedy", Sample(model=STRONG, sampling=greedy), problems=problems), (), "base", 0),
        Task(
            step("adapted", Sample(model=STRONG, sampling=greedy), problems=problems, adapter=made["model"]),
            (),
            "adapter",
            0,
        ),
    ]
    equals = STRONG.model_copy(update={"prompt": STRONG.prompt.model_copy(update={"stop": ("=",)})})
    digits = {number: digit for digit in "0123456789" for number in strong_tokens().tokenizer(digit)["input_ids"][1:]}
    TASKS.extend(
        [
            Task(step("string", Sample(model=equals, sampling=greedy), problems=problems), (), "base", 0),
            Task(step("token", Sample(model=STRONG, sampling=greedy), problems=problems), (), "base", 0, digits),
        ]
    )
    known = Known({task.step.directory: task for task in TASKS})
    size = EngineSize(256, adapters=1, rank=16)
    built = Engine(STRONG, size, known, store, load_resources("local"))
    yield built, store, made
    assert built.engine is not None
    built.engine.end()
    built.engine = None
    gc.collect()  # vLLM's own clean-up fails when the interpreter is ending


def run_block(engine: Engine, store: Store, task: int, ids: list[str], questions: list[str]) -> list[Completion]:
    block = next(BLOCKS)  # the first file written for a block stays
    problems = [Problem(problem_id, question) for problem_id, question in zip(ids, questions, strict=True)]
    asked = TASKS[task]
    request = BlockRequest(asked.step.directory, block, (ProblemRows((0,), 0, len(problems)),))
    engine.problems.run = lambda step, run: problems  # the steps have no table
    result = LOOP.run_until_complete(engine.sample_block(request))
    rows = store.read_records(store.objects.path(asked.step.directory, layout.block(block)), Completion)
    assert result.counts and result.sampled_tokens == sum(row.completion_tokens for row in rows)
    assert result.counts.completions == len(rows) and result.counts.completion_tokens == result.sampled_tokens
    return rows


def strong_tokens() -> Tokens:
    return Tokens(load_tokenizer(base_folder(STRONG)), STRONG.prompt)


BLOCKS = itertools.count()
LOOP = asyncio.new_event_loop()  # AsyncLLM belongs to the loop it was first used in


def test_an_exported_adapter_answers_as_the_run_s(engine: tuple[Engine, Store, Step], tmp_path: Path) -> None:
    """vLLM loads the folder of `w2s export`, and the exported tokenizer and chat template make the same prompt."""
    from transformers import AutoTokenizer
    from vllm import SamplingParams
    from vllm.lora.request import LoRARequest
    from vllm.sampling_params import RequestOutputKind

    built, store, made = engine
    folder = tmp_path / "exported"
    folder.mkdir()
    export_adapter(store, made["model"], STRONG, folder, folder)
    assert export_tokenizer(STRONG, folder, 16) is None
    (run,) = run_block(built, store, 2, ["exported"], QUESTIONS[:1])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    turns = [{"role": "user", "content": QUESTIONS[0]}]
    ids = tokenizer.apply_chat_template(turns, tokenize=True, add_generation_prompt=True)["input_ids"]
    ends = json.loads((folder / "generation_config.json").read_text())["eos_token_id"]
    final = RequestOutputKind.FINAL_ONLY
    parameters = SamplingParams(temperature=0, max_tokens=16, stop_token_ids=ends, output_kind=final)
    assert built.engine is not None
    request = LoRARequest("exported", 99, str(folder))
    output = LOOP.run_until_complete(built.engine.generate(TASKS[2], "export", ids, parameters, request))
    assert output.outputs[0].text[: len(run.text)] == run.text and run.text


def test_every_problem_has_its_n_samples(engine: tuple[Engine, Store, Step]) -> None:
    built, store, _ = engine
    rows = run_block(built, store, 0, ["a", "b"], QUESTIONS)
    assert sorted((row.problem_id, row.sample) for row in rows) == [(p, i) for p in "ab" for i in range(8)]
    assert all(row.finish_reason in ("stop", "length") and row.completion_tokens > 0 for row in rows)
    assert len({row.text for row in rows if row.problem_id == "a"}) > 1, (
        "eight samples at temperature 1 are all the same"
    )


def test_what_ended_a_completion_is_recorded(engine: tuple[Engine, Store, Step]) -> None:
    built, store, _ = engine
    for row in run_block(built, store, 3, ["a", "b"], QUESTIONS):
        assert (row.finish_reason, row.stop_string, row.stop_token) == ("stop", "=", "") and "=" not in row.text
    for row in run_block(built, store, 4, ["a", "b"], QUESTIONS):
        assert (row.finish_reason, row.stop_string) == ("stop", "") and row.stop_token.isdigit()
        assert not row.text.endswith(row.stop_token), "an end token is no part of the text"


def test_seeds_of_one_question_under_two_ids_differ(engine: tuple[Engine, Store, Step]) -> None:
    built, store, _ = engine
    rows = run_block(built, store, 0, ["p1", "p2"], [QUESTIONS[0], QUESTIONS[0]])
    first, second = ([row.text for row in rows if row.problem_id == p] for p in ("p1", "p2"))
    assert first != second
    assert abs(rows[0].seed - rows[-1].seed) > 1000, "neighbouring seeds share vLLM's child seeds, seed + 0 .. n - 1"


def test_seeded_prompts_beyond_one_prefill_do_not_kill_the_engine(engine: tuple[Engine, Store, Step]) -> None:
    """vLLM 0.32.0 on CPU dies where a seeded prompt is split between two steps; see engine_arguments."""
    built, store, _ = engine
    long = " ".join(QUESTIONS * 4)
    ids = [f"many-{i}" for i in range(100)]
    rows = run_block(built, store, 0, ids, [f"{i}. {long}" for i in range(100)])
    assert sum(row.prompt_tokens for row in rows if row.sample == 0) > PREFILL_TOKENS
    assert len(rows) == 800 and not any(row.finish_reason == "error" for row in rows)


def test_a_prompt_that_does_not_fit_is_a_row_with_its_reason(engine: tuple[Engine, Store, Step]) -> None:
    built, store, _ = engine
    rows = run_block(built, store, 1, ["long", "short"], ["pens " * 2000, QUESTIONS[0]])
    failed, fine = rows[0], rows[1]
    assert failed.finish_reason == "error" and failed.error and not failed.text
    assert fine.finish_reason != "error"


async def logprobs(engine: Engine, task: int, ids: list[int], request: str = "") -> tuple[list[int], dict[int, float]]:
    """Prompt ids as the engine has them, and its log-probabilities of the next token."""
    from vllm import SamplingParams, TokensPrompt

    assert engine.engine is not None
    process = engine.engine.process
    parameters = SamplingParams(max_tokens=1, temperature=0.0, logprobs=20)
    adapter, prompt = engine.adapters.fetch(TASKS[task].step), TokensPrompt(prompt_token_ids=ids)
    (result,) = [
        r async for r in process.llm.generate(prompt, parameters, f"logits-{task}{request}", lora_request=adapter)
    ]
    return list(result.prompt_token_ids), {
        token: entry.logprob for token, entry in result.outputs[0].logprobs[0].items()
    }


def test_adapter_changes_the_logits_as_it_does_in_peft(engine: tuple[Engine, Store, Step]) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from ray_jobs.models.folders import trained_folder

    built, store, made = engine
    ids = strong_tokens().prompt_ids(QUESTIONS[0])
    _, base = LOOP.run_until_complete(logprobs(built, 1, ids))
    _, adapted = LOOP.run_until_complete(logprobs(built, 2, ids))
    model = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(base_folder(STRONG), dtype=torch.float32),
        trained_folder(store, made["model"]),
    )
    with torch.no_grad():
        expected_adapted = model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
        with model.disable_adapter():
            expected_base = model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
    for found, expected in ((base, expected_base), (adapted, expected_adapted)):
        worst = max(abs(value - float(expected[token])) for token, value in found.items())
        assert worst < 0.02, f"engine and PEFT differ by {worst:.4f} nats"
    shared = base.keys() & adapted.keys()
    assert not shared or max(abs(base[token] - adapted[token]) for token in shared) > 0.05, (
        "the adapter changes nothing"
    )


def test_requests_to_the_base_are_not_changed_by_an_adapter_in_the_same_step(
    engine: tuple[Engine, Store, Step],
) -> None:
    """vLLM 0.32.0 on CPU gives them the adapter's logits; see ray_jobs/sampling/lora.py."""
    built, _, _ = engine
    ids = strong_tokens().prompt_ids(QUESTIONS[0])

    async def mixed() -> list[dict[int, float]]:
        return [
            values for _, values in await asyncio.gather(*(logprobs(built, 1 + i % 2, ids, f"-{i}") for i in range(40)))
        ]

    _, adapted = LOOP.run_until_complete(logprobs(built, 2, ids))  # the adapter is in memory now
    _, base = LOOP.run_until_complete(logprobs(built, 1, ids))
    for index, found in enumerate(LOOP.run_until_complete(mixed())):
        expected = adapted if index % 2 else base
        assert found.keys() == expected.keys(), f"request {index} has other likely tokens than when it is alone"
        assert max(abs(found[token] - expected[token]) for token in found) < 0.001


PAIRS = [PreferencePair("p", q, " 12 + 7 = 19.", " 12 - 7 = 5.", "weak", "19", "5", 1.0) for q in QUESTIONS]


def test_a_preflight_compares_the_engine_with_the_trainer(engine: tuple[Engine, Store, Step]) -> None:
    """With transformers and PEFT in the trainer's place."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from ray_jobs.models.folders import trained_folder

    built, store, made = engine
    tokens = strong_tokens()
    parts = [part for row in pair_rows(PAIRS, tokens) for part in sides(row)]
    problems, rows = [Problem(str(n), text) for n, text in enumerate(QUESTIONS)], [ids for ids, _ in parts]
    found = LOOP.run_until_complete(seen(built, TASKS[2].step, problems, rows))
    base: Any = AutoModelForCausalLM.from_pretrained(base_folder(STRONG), dtype=torch.float32)
    model = PeftModel.from_pretrained(base, trained_folder(store, made["model"]))

    def sums() -> list[float]:
        """Of the tokens behind each prompt."""
        with torch.no_grad():
            logps = [model(torch.tensor([ids])).logits[0].log_softmax(-1) for ids in rows]
        return [sum(float(scores[n - 1, ids[n]]) for n in range(prompt, len(ids)))
                for scores, (ids, prompt) in zip(logps, parts, strict=True)]  # fmt: skip

    own = sums()
    with model.disable_adapter():
        loss = -sum(sums()) / sum(len(ids) - prompt for ids, prompt in parts)
    counts = {"first_chosen_logp": (own[0] + own[2]) / 2, "first_rejected_logp": (own[1] + own[3]) / 2}
    judged = [same_ids(found.answers, tokens), same_base(parts, found.base, loss, 0.002)]
    judged.append(same_adapter(parts, found, counts, False, 0.002))
    assert all(row.ok for row in judged), judged

    doubled = strong_tokens()
    doubled._bos = doubled._bos * 2
    assert not (row := same_ids(found.answers, doubled)).ok and row.text.startswith("0 of 2 prompts"), row
    assert not same_base(parts, found.trained, loss, 0.002).ok, "the adapter is on the base"

    zero = step("zero", FineTune(model=STRONG, sft=SFT(seed=1)), problems=step("problems", WorldProblems())["train_1"])
    attempt = Attempt(store, zero)
    for file in store.files(made["model"]):
        data, name = store.read_file(made.directory, file), file.path.rpartition("/")[2]
        if name.endswith(".safetensors"):
            weights = safetensors.torch.load(data)
            data = safetensors.torch.save({key: 0 * one if ".lora_B." in key else one for key, one in weights.items()})
        attempt.add("model", f"{attempt.name}/model/{name}", data)
    attempt.commit({})
    asked = step("asked", TASKS[2].recipe, problems=step("problems", WorldProblems())["test"], adapter=zero["model"])
    without = LOOP.run_until_complete(seen(built, asked, problems, rows))
    row = same_adapter(parts, without, counts, False, 0.002)
    assert not row.ok and "changes 0.0000 nats a token" in row.text and "without effect" in row.text, row


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (".model.layers.", ".model.language_model.layers.", r"out 28 of the adapter's 28 layers, such as model.lang"),
        (
            "layers.0.mlp.down_proj",
            "layers.9.mlp.down_proj",
            r"out 1 of the adapter's 16 layers, such as model.layers.9",
        ),
        ("down_proj", "wo", r"does not take the adapter \(.*wo"),
    ],
)
def test_an_adapter_of_other_layers_is_refused(
    before: str, after: str, message: str, engine: tuple[Engine, Store, Step], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file
    from vllm.lora.request import LoRARequest

    from ray_jobs.models.folders import trained_folder

    built, store, made = engine
    folder = trained_folder(store, made["model"])
    (tmp_path / "adapter_config.json").write_bytes((folder / "adapter_config.json").read_bytes())
    weights = load_file(folder / "adapter_model.safetensors")
    assert any(before in name for name in weights)
    save_file(
        {name.replace(before, after): tensor for name, tensor in weights.items()},
        tmp_path / "adapter_model.safetensors",
    )
    assert built.engine is not None
    process = built.engine.process
    with pytest.raises(ValueError, match=message):
        LOOP.run_until_complete(process.check_adapter(LoRARequest(str(tmp_path), 50 + len(after), str(tmp_path))))
    LOOP.run_until_complete(process.check_adapter(built.adapters.fetch(TASKS[2].step)))


def test_engine_and_trainer_see_the_same_prompt_ids(engine: tuple[Engine, Store, Step]) -> None:
    built, _, _ = engine
    tokens = strong_tokens()
    seen, _ = LOOP.run_until_complete(logprobs(built, 1, tokens.prompt_ids(QUESTIONS[1])))
    (row,) = sft_rows([SFTExample("p", QUESTIONS[1], " 5 - 2 = 3.\n#### 3", "weak")], strong_tokens())
    length = row["labels"].count(-100)
    assert row["input_ids"][:length] == seen
    assert row["labels"][length:] == row["input_ids"][length:]
    assert row["input_ids"][-1] == tokens.tokenizer.eos_token_id
    assert json.dumps(seen)  # plain integers, not numpy's
    assert Problem("p", QUESTIONS[1]).question in tokens.tokenizer.decode(seen)


STARTED = """
import sys, tempfile, time
from ray_jobs.sampling.engine import Engine
from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.vllm import EngineSize
from w2s.experiments.quickstart import quickstart
from w2s.store.store import Store

if __name__ == "__main__":  # vLLM starts its processes by importing this one's main module
    store, resources = Store.at(tempfile.mkdtemp()), load_resources("local")
    print("STARTING", flush=True)
    engine = Engine(quickstart().strong, EngineSize(128), None, store, resources)
    print("STARTED", flush=True)
    time.sleep(600)
"""


def vllm_processes(children: list[psutil.Process]) -> int:
    """How many of the processes are vLLM's; one may have ended since they were listed, like torch's call of lscpu."""
    found = 0
    for child in children:
        with suppress(psutil.NoSuchProcess):
            found += "VLLM" in " ".join(child.cmdline())
    return found


@pytest.mark.parametrize("when", ["starting", "started"])
def test_an_engine_ends_with_the_process_that_started_it(when: str, tmp_path: Path) -> None:
    script = tmp_path / "started.py"
    script.write_text(STARTED)
    with subprocess.Popen(
        [sys.executable, str(script)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines, parent = iter(process.stdout), psutil.Process(process.pid)
        if when == "started":
            next(line for line in lines if line.startswith("STARTED"))
            assert vllm_processes(parent.children(recursive=True)) == 1, "an engine core, which holds the model"
        else:
            next(line for line in lines if line.startswith("STARTING"))
            wait_for(
                lambda: vllm_processes(parent.children(recursive=True)) > 0,
                120,
                "the engine core, which says its name and starts",
            )
        children = parent.children(recursive=True)
        process.kill()
        gone, alive = psutil.wait_procs(children, timeout=20)
        for child in alive:
            child.kill()
        assert not alive and len(gone) == len(children)
        assert when == "started" or not any(line.startswith("STARTED") for line in lines), (
            "the engine had started already"
        )
