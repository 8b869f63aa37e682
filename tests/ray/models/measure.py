"""Runs one row: checks the model as a run does, then takes it through the method and measures on the way."""

import math
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from ray_jobs.driver.checks.model import Limit, Use, check_model
from ray_jobs.models.folders import trained_folder
from ray_jobs.resources.presets import load_resources
from ray_jobs.training.base import Base, load_base
from ray_jobs.training.rows.encode import sft_rows
from tests.ray.models.architectures import ARCHITECTURES, SHARE, TEXT, VOCABULARY, make
from tests.ray.models.method import CONTEXT, GOLD, GREEDY, RESOURCES, Method, Split
from tests.ray.models.row import Row
from w2s.errors import first_line
from w2s.graph.recipes import FineTune
from w2s.graph.step import Step, step
from w2s.recipe import Model, Prompt
from w2s.records import PreferencePair, Score, SFTExample

ZERO_3 = load_resources("local,workers=1,zero_stage=3,micro_batch=8")


def measured(name: str) -> Row:
    """The row of an architecture; what goes wrong is in it."""
    row = Row(name)
    with tempfile.TemporaryDirectory(prefix="w2s-models-") as folder, ExitStack() as ends:
        try:
            _measure(row, Path(folder), ends)
        except Exception as error:  # a table has a row for every architecture
            row.failed = first_line(error) or type(error).__name__
    return row


def _measure(row: Row, folder: Path, ends: ExitStack) -> None:
    architecture = (ARCHITECTURES | SHARE)[row.name]
    path = make(architecture, folder / "model")
    style: Any = "chat" if architecture.template else "completion"
    model = Model(name=str(path), revision="sha256:1", prompt=Prompt(style=style))
    none, row_limit = Limit(1, ""), Limit(CONTEXT, "sft.max_tokens")
    completion = Limit(GREEDY.max_tokens, "greedy.max_tokens")
    whole = Use(
        trained=True,
        targets=frozenset({("sft.lora.targets", architecture.targets)}),
        sampled=True,
        with_adapter=True,
        completion=completion,
        row=row_limit,
        demonstrations=0,
    )
    nothing = Use(False, frozenset(), False, False, none, none, 0)
    only_trained = Use(True, whole.targets, False, False, none, row_limit, 0)
    only_sampled = Use(False, frozenset(), True, False, completion, none, 0)
    row.refused = _refusal(model, whole, path)
    if row.refused and _refusal(model, nothing, path):
        return
    method = Method(model, architecture.targets, folder)
    ends.callback(method.end)
    if not row.refused or not _refusal(model, only_trained, path):
        _train(row, method, path)
    if not row.refused or not _refusal(model, only_sampled, path):
        _sample(row, method, path)
    if not row.refused:
        _prefer(row, method)
        if row.name in SHARE:
            _full(row, method)


def _refusal(model: Model, use: Use, path: Path) -> str:
    """The check's line without the path of the folder; empty if it passes."""
    try:
        check_model("strong", model, use, RESOURCES.gpus_per_engine)
    except ValueError as error:
        return str(error).removeprefix(f"strong model {path}: ").replace(str(path), "MODEL")
    return ""


def _train(row: Row, method: Method, path: Path) -> None:
    """The weak SFT, its layers, and a short one under ZeRO-3."""
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    result = method.train(method.weak_sft)
    row.layers = result.adapted_layers
    weights = load_file(trained_folder(method.context.store, method.weak_sft["model"]) / "adapter_model.safetensors")
    row.learned = sum(bool(tensor.any()) for name, tensor in weights.items() if ".lora_B." in name)
    recipe = method.weak_sft.recipe
    assert isinstance(recipe, FineTune)
    one = recipe.model_copy(update={"sft": recipe.sft.model_copy(update={"epochs": 1.0})})
    short = step("zero_3", one, **dict(method.weak_sft.inputs))
    sharded = method.train(short, Base(recipe.model, ZERO_3))
    unset_hf_deepspeed_config()  # else every later load is sharded
    row.zero_3 = abs(sharded.losses[0].loss - result.losses[0].loss)


def _sample(row: Row, method: Method, path: Path) -> None:
    """Engine against trainer, then the samples of the steps; without adapters if the engine has none for it."""
    steps = [method.base_completions]
    if not row.refused:
        steps += [method.weak, method.icl, method.sampled]
    engine = method.start(adapters=len(steps[1:]))
    ids = _text()
    wanted = steps[:2]
    found = [method.loop.run_until_complete(_prompt_logps(engine, each, ids)) for each in wanted]
    trainer: Any = load_base(RESOURCES, path).eval()
    row.base = _largest(found[0], _logps(trainer, ids))
    method.sample(method.base_completions)
    if row.refused:
        return
    from peft import PeftModel

    adapter = trained_folder(method.context.store, method.weak_sft["model"])
    trainer = PeftModel.from_pretrained(trainer, adapter).eval()
    row.adapter, row.change = _largest(found[1], _logps(trainer, ids)), _largest(found[0], found[1])
    weak = method.sample(method.weak)
    ends = {token for number, token in method.tokens.end_tokens.items() if number == _row(method, 0)[-1]}
    row.end_token = "".join(ends)
    row.problems = len(weak)
    row.ended = sum(completion.finish_reason == "stop" and completion.stop_token in ends for completion in weak)
    for number in range(len(GOLD)):
        row.same_ids += method.loop.run_until_complete(_answer(method, number)) == _row(method, number)
    method.sample(method.icl)
    method.sample(method.sampled)


def _prefer(row: Row, method: Method) -> None:
    """Agreement, pairs, DPO, ORPO, their answers and scores."""
    store = method.context.store
    method.curate()
    row.kept = len(store.records(method.consistent["weak"], SFTExample))
    row.pairs = len(store.records(method.pairs["pairs"], PreferencePair))
    row.dpo, row.orpo = (
        method.train(each).losses[last].loss for each, last in zip(method.preferred, (0, -1), strict=True)
    )
    for test in method.tests:
        method.sample(test)
    method.grade()
    graded = store.records(method.scores["scores"], Score)
    row.right = {
        each.name: sum(s.model == each.name and s.verdict == "right" for s in graded) for each in method.preferred
    }


def _full(row: Row, method: Method) -> None:
    """SFT of all weights, whose model becomes the base of an engine that is split, with the weak SFT's adapter on it;
    and DPO of all its weights."""
    from peft import PeftModel

    ids, store = _text(), method.context.store
    base = method.loop.run_until_complete(_prompt_logps(method.engine, method.base_completions, ids))
    method.end()
    method.train(method.full_sft)
    model = method.full_sft["model"]
    engine, folder = method.start(1, model, Split.model_validate(dict(RESOURCES))), trained_folder(store, model)
    assert engine.engine is not None
    method.loop.run_until_complete(engine.engine.process.check_adapter(engine.adapters.fetch(method.weak)))
    found, adapted = (
        method.loop.run_until_complete(_prompt_logps(engine, each, ids))
        for each in (method.full_completions, method.weak)
    )
    trainer: Any = load_base(RESOURCES, folder).eval()
    row.full, row.full_change = _largest(found, _logps(trainer, ids)), _largest(found, base)
    trainer = PeftModel.from_pretrained(trainer, trained_folder(store, method.weak_sft["model"])).eval()
    row.full_adapter = _largest(adapted, _logps(trainer, ids))
    method.sample(method.full_completions)
    row.full_dpo = method.train(method.full_dpo, Base(method.base.name, RESOURCES, lambda: folder)).losses[0].loss


def _row(method: Method, number: int) -> list[int]:
    """The ids that the weak SFT learned of a problem."""
    problem, reference = GOLD[number]
    example = SFTExample(problem.problem_id, problem.question, reference.solution, "gold")
    return sft_rows([example], method.tokens)[0]["input_ids"]


def _text() -> list[int]:
    """The tokens on which engine and trainer are compared."""
    return torch.randint(5, VOCABULARY, (TEXT,), generator=torch.Generator().manual_seed(1)).tolist()


async def _answer(method: Method, number: int) -> list[int]:
    """The ids of a problem's prompt, as the engine had them, and of the weak model's completion."""
    from vllm import SamplingParams, TokensPrompt
    from vllm.sampling_params import RequestOutputKind

    engine = method.engine
    assert engine is not None and engine.engine is not None
    ends = list(method.tokens.end_tokens)
    parameters = SamplingParams(
        max_tokens=GREEDY.max_tokens, temperature=0.0, stop_token_ids=ends, output_kind=RequestOutputKind.FINAL_ONLY
    )
    prompt = TokensPrompt(prompt_token_ids=method.tokens.prompt_ids(GOLD[number][0].question))
    adapter = engine.adapters.fetch(method.weak)
    outputs = engine.engine.process.llm.generate(prompt, parameters, f"ids-{number}", lora_request=adapter)
    (result,) = [output async for output in outputs]
    return [*(result.prompt_token_ids or ()), *result.outputs[0].token_ids]


async def _prompt_logps(engine: Any, step: Step, ids: list[int]) -> list[float]:
    """The engine's log-probability of each token but the first, in the step's model."""
    from vllm import SamplingParams, TokensPrompt

    parameters = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=0)
    outputs = engine.engine.process.llm.generate(
        TokensPrompt(prompt_token_ids=ids), parameters, f"logps-{step.name}", lora_request=engine.adapters.fetch(step)
    )
    (result,) = [output async for output in outputs]
    entries = [entry for entry in result.prompt_logprobs if entry is not None]  # the first token has none
    return [entry[token].logprob for token, entry in zip(ids[1:], entries, strict=True)]


def _logps(model: Any, ids: list[int]) -> list[float]:
    """The trainer's log-probability of each token but the first."""
    with torch.no_grad():
        scores = model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
    return [float(scores[place, token]) for place, token in enumerate(ids[1:])]


def _largest(some: list[float], others: list[float]) -> float:
    """The largest difference of two rows of log-probabilities; NaN if one is."""
    apart = [abs(one - other) for one, other in zip(some, others, strict=True)]
    return math.nan if any(map(math.isnan, apart)) else max(apart)
