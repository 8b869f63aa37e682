"""What can be known to be wrong before anything starts."""

from collections.abc import Sequence
from pathlib import Path

from ray_jobs.models.folders import base_folder, context_limit, text_config
from ray_jobs.models.tokens import Tokens, load_tokenizer
from ray_jobs.resources.deepspeed import accumulation
from ray_jobs.resources.resources import Resources
from w2s.errors import first_line
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step
from w2s.recipe import Experiment, Model


def check(experiment: Experiment, missing: Sequence[Step], resources: Resources) -> None:
    """Batch sizes, tokenizers, chat templates, contexts, adapters' targets and attention heads of everything a run would use.

    Raises ValueError, naming the value, the rule and the way out.
    """
    for step in missing:
        if isinstance(step.recipe, FineTune):
            accumulation(step.recipe.sft.batch_size, resources)
        elif isinstance(step.recipe, Prefer):
            accumulation(step.recipe.preference.batch_size, resources)
    longest = max(experiment.greedy.max_tokens, experiment.sampled.max_tokens)
    for role, model in (("weak", experiment.weak), ("strong", experiment.strong)):
        demonstrations = experiment.demonstrations.count if role == "strong" else 0
        folder = _check_model(role, model, longest, demonstrations)
        recipes = [
            step.recipe for step in missing if isinstance(step.recipe, FineTune | Sample) and step.recipe.model == model
        ]
        for targets in {recipe.sft.lora.targets for recipe in recipes if isinstance(recipe, FineTune)}:
            _check_targets(model, folder, targets)
        if any(isinstance(recipe, Sample) for recipe in recipes):
            _check_heads(model, folder, resources.tensor_parallel)


def _check_model(role: str, model: Model, max_tokens: int, demonstrations: int) -> Path:
    """Returns the model's folder, which need not have weights."""
    try:
        folder = base_folder(model, weights=False)
    except ValueError:
        raise
    except (
        Exception
    ) as error:  # every file system and the hub have their own; nothing has started, so the user may as well try again
        raise ValueError(
            f"{role} model {model.name} cannot be fetched ({first_line(error)}): see that its server can be reached from here and run again, "
            "or give a folder"
        ) from error
    tokens = Tokens(load_tokenizer(folder), model.prompt)
    limit = context_limit(folder)
    # Each demonstration costs at least what an empty question's prompt does; sampling checks the real prompts.
    least = len(tokens.prompt_ids("?")) * (1 + demonstrations) + max_tokens
    if least > limit:
        raise ValueError(
            f"{role} model {model.name}: its context of {limit} tokens cannot hold a prompt with {demonstrations} demonstrations and "
            f"max_tokens={max_tokens} (at least {least} tokens): lower demonstrations.count or max_tokens, or take another model"
        )
    return folder


def _check_targets(model: Model, folder: Path, targets: Sequence[str]) -> None:
    """LoRA's targets are layers of the model; PEFT says so only as training starts, and of some that are not there nothing."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):  # layers without weights
        layers = AutoModelForCausalLM.from_config(text_config(folder), trust_remote_code=False).named_modules()
    linear = {name.rpartition(".")[2] for name, layer in layers if isinstance(layer, torch.nn.Linear)}
    if unknown := set(targets) - linear:
        raise ValueError(
            f"{model.name} has no linear layers {', '.join(sorted(unknown))} for an adapter: set lora.targets, of weak_sft or sft, to some of "
            f"{', '.join(sorted(linear - {'lm_head'}))}"
        )


def _check_heads(model: Model, folder: Path, tensor_parallel: int) -> None:
    heads: int = getattr(text_config(folder), "num_attention_heads", 0)
    if heads % tensor_parallel:
        raise ValueError(
            f"{model.name}'s {heads} attention heads cannot be split over gpus_per_engine={tensor_parallel}: take a divisor of {heads}"
        )
