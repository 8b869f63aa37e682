"""Preflight checks: batch size, tokenizer, context length, LoRA targets, attention heads.

They run on the driver, without weights and without Ray, because a mistake found later has cost an engine start or a
queue.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ray_jobs.cost.memory import GIB
from ray_jobs.cost.shape import Shape
from ray_jobs.driver.estimate import shape_of
from ray_jobs.driver.forecast import memories
from ray_jobs.models.folders import base_folder, context_limit, text_config
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.resources.deepspeed import accumulation
from ray_jobs.resources.resources import Resources
from w2s.errors import first_line
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step
from w2s.recipe import Completions, Experiment, Model


def check(experiment: Experiment, missing: Sequence[Step], resources: Resources) -> None:
    """Check what the missing steps of an experiment will use.

    Raises ValueError with the value, the rule and the way out.
    """
    for step in missing:
        if isinstance(step.recipe, FineTune):
            accumulation(step.recipe.sft.batch_size, resources, f"{step.settings}.batch_size")
        elif isinstance(step.recipe, Prefer):
            accumulation(step.recipe.preference.batch_size, resources, f"{step.settings}.batch_size")
    max_tokens = max(experiment.greedy.max_tokens, experiment.sampled.max_tokens)
    for role, model in (("weak", experiment.weak), ("strong", experiment.strong)):
        if isinstance(model, Completions):
            continue
        demonstrations = experiment.demonstrations.count if role == "strong" else 0
        folder = _check_model(role, model, max_tokens, demonstrations)
        steps = [s for s in missing if isinstance(s.recipe, FineTune | Sample) and s.recipe.model == model]
        trained = {(s.settings, s.recipe.sft.lora.targets) for s in steps if isinstance(s.recipe, FineTune)}
        for field, targets in sorted(trained):
            _check_targets(f"{field}.lora.targets", model, folder, targets)
        if any(isinstance(s.recipe, Sample) for s in steps):
            _check_heads(model, folder, resources.tensor_parallel)
    _check_memory(experiment, missing, resources)


def _check_model(role: str, model: Model, max_tokens: int, demonstrations: int) -> Path:
    """Check that the model can be fetched and that its context holds a shortest prompt with its completion.

    Returns the model's folder, which may lack weights.
    """
    try:
        folder = base_folder(model, weights=False)
    except ValueError:
        raise
    except Exception as error:  # each file system and the hub raise types of their own
        raise ValueError(
            f"{role} model {model.name} cannot be fetched ({first_line(error)}): "
            "check that this machine reaches its server and run again, or give a folder"
        ) from error
    tokens = Tokens(load_tokenizer(folder), model.prompt)
    limit = context_limit(folder)
    # A demonstration has at least as many tokens as the prompt of an empty question; sampling checks the real prompts.
    least = len(tokens.prompt_ids("?")) * (1 + demonstrations) + max_tokens
    if least > limit:
        raise ValueError(
            f"{role} model {model.name}: its context of {limit} tokens cannot hold a prompt with {demonstrations} "
            f"demonstrations and max_tokens={max_tokens} (at least {least} tokens): lower demonstrations.count, or "
            "greedy.max_tokens and sampled.max_tokens, or take another model"
        )
    return folder


def _check_targets(field: str, model: Model, folder: Path, targets: Sequence[str]) -> None:
    """Check that every LoRA target is a linear layer of the model.

    PEFT reports this only when training starts, and ignores a missing target if another target exists.
    """
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):  # layers without weights
        layers = AutoModelForCausalLM.from_config(text_config(folder), trust_remote_code=False).named_modules()
    linear = {name.rpartition(".")[2] for name, layer in layers if isinstance(layer, torch.nn.Linear)}
    if unknown := set(targets) - linear:
        raise ValueError(
            f"{field}: {model.name} has no linear layers {', '.join(sorted(unknown))} for an adapter: "
            f"set {field} to some of {json.dumps(sorted(linear - {'lm_head'}), separators=(',', ':'))}"
        )


def _check_heads(model: Model, folder: Path, tensor_parallel: int) -> None:
    """Check that tensor parallelism splits the attention heads evenly."""
    heads: int = getattr(text_config(folder), "num_attention_heads", 0)
    if heads % tensor_parallel:
        raise ValueError(
            f"{model.name}'s {heads} attention heads cannot be split over gpus_per_engine={tensor_parallel}: "
            f"take a divisor of {heads}"
        )


def _check_memory(experiment: Experiment, missing: Sequence[Step], resources: Resources) -> None:
    """Check that weights, optimizer, gathered layers and the KV cache of one sequence fit into each GPU.

    Activations are left to `w2s plan --resources`, because they are estimates; so are models that it cannot count.
    """
    shapes: dict[str, Shape] = {}
    for model in (experiment.weak, experiment.strong):
        with suppress(ValueError):  # a mixture of experts, for example
            shapes[model.name] = shape_of(model)
    counted = [
        step
        for step in missing
        if isinstance(step.recipe, FineTune | Prefer | Sample) and step.recipe.model.name in shapes
    ]
    for name, memory in memories(counted, experiment, shapes, resources, prompt=0).items():
        if memory.certain > memory.limit:
            parts = ", ".join(f"{part} {size / GIB:.1f}" for part, size in memory.parts.items() if size)
            raise ValueError(
                f"{name} does not fit: it takes at least {memory.certain / GIB:.1f} GiB of each GPU ({parts}), and "
                f"--resources allows {memory.limit / GIB:.1f}: take a preset with more GPUs or larger gpu_gib, "
                "gpus_per_engine or workers; `w2s plan --resources` shows the parts"
            )
