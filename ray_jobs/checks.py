"""What can be known to be wrong before anything starts."""

from collections.abc import Sequence

from ray_jobs.models import base_folder, context_limit
from ray_jobs.resources import Resources, accumulation
from ray_jobs.tokens import Tokens, load_tokenizer
from w2s.recipe import Experiment, Model
from w2s.revisions import first_line
from w2s.step import Step
from w2s.step_recipes import FineTune, Prefer


def check(experiment: Experiment, missing: Sequence[Step], resources: Resources) -> None:
    """Batch sizes, tokenizers, chat templates and contexts of everything a run would use.

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
        _check_model(role, model, longest, demonstrations)


def _check_model(role: str, model: Model, max_tokens: int, demonstrations: int) -> None:
    try:
        folder = base_folder(model, weights=False)
    except ValueError:
        raise
    except Exception as error:  # every file system and the hub have their own; nothing has started, so the user may as well try again
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
