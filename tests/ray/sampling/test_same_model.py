"""Engine and trainer give the same log-probabilities to the same ids, with and without an adapter.

For models whose engine and whose transformers model once differed; the trainers' side of all architectures is
tests/unit/training/test_architectures.py.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import torch

from ray_jobs.models.folders import adapter_folder, base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.resources.presets import load_resources
from ray_jobs.sampling.engine import Engine
from ray_jobs.sampling.inputs import Task
from ray_jobs.training.base import load_base
from tests.unit.training.architectures import VOCABULARY, saved
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import FineTune, Sample
from w2s.graph.step import step
from w2s.recipe import Model, Sampling, WorldProblems
from w2s.store.attempt import Attempt
from w2s.store.store import Store

pytestmark = pytest.mark.ray
LOCAL = load_resources("local")
LOOP = asyncio.new_event_loop()
"""Kept, because ZeroMQ waits for ever for sockets whose event loop is gone before it has closed them."""
HEADS_OF_32 = {"hidden_size": 128, "head_dim": 32}
"""The least head size of vLLM's attention on CPU."""


@pytest.mark.parametrize(
    ("model_type", "changes"),
    [("qwen2_yarn", {}), ("cohere2", {"sliding_window": 40})],
)
def test_engine_and_trainer_compute_one_model(model_type: str, changes: dict[str, int], tmp_path: Path) -> None:
    from peft import LoraConfig, PeftModel, get_peft_model

    folder = saved(model_type, tmp_path / "base", HEADS_OF_32 | changes)
    load_tokenizer(base_folder(quickstart().strong)).save_pretrained(folder)
    torch.manual_seed(0)
    config = LoraConfig(r=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(load_base(LOCAL, folder), config).save_pretrained(str(tmp_path / "adapter"))

    store, model = Store.at(str(tmp_path / "store")), Model(name=str(folder))
    problems = step("problems", WorldProblems())
    made = step("made", FineTune(model=model, sft=quickstart().sft), problems=problems["train_1"])
    attempt = Attempt(store, made)
    for path in sorted((tmp_path / "adapter").glob("adapter*")):
        attempt.add("model", f"{attempt.name}/model/{path.name}", path.read_bytes())
    attempt.commit({})
    recipe = Sample(model=model, sampling=Sampling(max_tokens=1))
    tasks = [
        Task(step("base", recipe, problems=problems["test"]), (), "base", 0),
        Task(step("adapted", recipe, problems=problems["test"], adapter=made["model"]), (), "adapter", 0),
    ]
    ids = torch.randint(5, VOCABULARY, (100,)).tolist()  # beyond the windows, and beyond YaRN's original context
    engine = Engine(tasks, store, LOCAL, 128)
    assert engine.engine is not None, engine.broken
    try:
        base, adapted = LOOP.run_until_complete(both(engine, ids))
    finally:
        engine.engine.end()
        LOOP.run_until_complete(asyncio.sleep(0))  # vLLM leaves the closing of its sockets to the loop
        engine.engine = None
    trainer = PeftModel.from_pretrained(load_base(LOCAL, folder), adapter_folder(store, made["model"])).eval()
    with trainer.disable_adapter():
        expected = logps(trainer, ids)
    worst = [largest(base, expected), largest(adapted, logps(trainer, ids))]
    print(f"{model_type}: {worst[0]:.5f} and {worst[1]:.5f} nats apart; the adapter is {largest(base, adapted):.2f}")
    assert max(worst) < 2e-3 < 0.1 < largest(base, adapted)


async def both(engine: Engine, ids: list[int]) -> list[list[float]]:
    """The engine's log-probabilities of `ids`, of the base and of the adapter."""
    from vllm import SamplingParams, TokensPrompt

    assert engine.engine is not None
    parameters = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=0)
    found = list[list[float]]()
    for name, adapter in engine.inputs.adapters.items():
        outputs = engine.engine.process.llm.generate(
            TokensPrompt(prompt_token_ids=ids), parameters, name, lora_request=adapter
        )
        (result,) = [output async for output in outputs]
        assert result.prompt_logprobs
        entries = [entry for entry in result.prompt_logprobs if entry is not None]  # the first token has none
        found.append([entry[token].logprob for token, entry in zip(ids[1:], entries, strict=True)])
    return found


def logps(model: Any, ids: list[int]) -> list[float]:
    """The trainer's log-probability of each token but the first."""
    with torch.no_grad():
        scores = model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
    return [float(scores[place, token]) for place, token in enumerate(ids[1:])]


def largest(some: list[float], others: list[float]) -> float:
    """The largest difference of two rows of log-probabilities."""
    return max(abs(one - other) for one, other in zip(some, others, strict=True))
