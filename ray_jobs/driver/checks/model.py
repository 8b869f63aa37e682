"""Preflight checks of one base model: its files, weights, tokenizer, context, layers, and the engine's support."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ray_jobs.driver.checks.fields import check_fields
from ray_jobs.driver.checks.support import Question
from ray_jobs.models.configs import context_limit, experts, quantization, raw_config
from ray_jobs.models.folders import base_folder, fetched
from ray_jobs.models.layers import check_targets, meta_model
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.models.weights import check_weights
from w2s.data.revision import check_no_adapter
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step
from w2s.recipe import Model

SAMPLED_QUANTIZED = ("awq", "compressed-tensors", "fp8", "gptq")
"""Methods of quantized weights that vLLM's CUDA build samples; bitsandbytes is a package of its own."""

CPU_HEAD_SIZES = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512)
CPU_LATENT_SIZES = (576,)
"""Sizes that the attention of vLLM's CPU build is compiled for; another one ends the engine, at the latest at its first
request."""


class Limit(NamedTuple):
    """The most tokens that a step of some kind allows."""

    tokens: int
    field: str
    """The experiment's field that sets it."""


APART = {"DeepseekV2ForCausalLM": 3.7}
"""Nats by which vLLM 0.32.0 on CPU and transformers 5.19.0 differ on one base, the same weights and tokens, by
architecture (`python -m tests.ray.models DeepSeek-V2`); all others differ by less than 0.001."""


@dataclass(frozen=True, slots=True)
class Use:
    """What the missing steps do with a model."""

    trained: bool
    targets: frozenset[tuple[str, tuple[str, ...]]]
    """LoRA targets of new adapters, behind the field that names them."""
    sampled: bool
    with_adapter: bool
    """Whether a sampling step has an adapter."""
    completion: Limit
    """Of a completion in a sampling step."""
    row: Limit
    """Of a row of a training."""
    demonstrations: int

    @classmethod
    def of(cls, steps: Sequence[Step], demonstrations: int) -> "Use":
        """The use that `steps` make of their model; a prompt has at most so many demonstrations."""
        recipes = [step.recipe for step in steps]
        shown = any(step.input("demonstrations") for step in steps)
        return cls(
            trained=any(isinstance(recipe, FineTune | Prefer) for recipe in recipes),
            targets=frozenset(
                (f"{step.settings}.lora.targets", step.recipe.sft.lora.targets)
                for step in steps
                if isinstance(step.recipe, FineTune) and step.recipe.sft.lora is not None
            ),
            sampled=any(isinstance(recipe, Sample) for recipe in recipes),
            with_adapter=any(isinstance(step.recipe, Sample) and step.input("adapter") for step in steps),
            completion=_largest((s, s.recipe.sampling.max_tokens) for s in steps if isinstance(s.recipe, Sample)),
            row=_largest((s, s.recipe.optimizer.max_tokens) for s in steps if isinstance(s.recipe, FineTune | Prefer)),
            demonstrations=demonstrations if shown else 0,
        )


def _largest(limits: Iterable[tuple[Step, int]]) -> Limit:
    """The largest of the steps' limits; 1 token without steps."""
    named = (Limit(tokens, f"{step.settings}.max_tokens") for step, tokens in limits)
    return max(named, key=lambda limit: limit.tokens, default=Limit(1, ""))


def check_model(role: str, model: Model, use: Use, gpus_per_engine: int) -> None:
    """Check that the steps can use the model. Raises ValueError with the model, the rule and the way out."""
    folder = folder_of(role, model)
    try:
        check_no_adapter([path.name for path in folder.iterdir()])
        _check_quantization(folder, use, gpus_per_engine)
        with ExitStack() as processes:
            # Asked first, because the answer takes as long as all other checks together.
            asked = processes.enter_context(Question(_architecture(folder))) if use.sampled else None
            blank = meta_model(folder)
            if use.trained or use.with_adapter:
                _check_class(_architecture(folder), blank)
            tokens = Tokens(load_tokenizer(folder), model.prompt)
            _check_context(tokens, context_limit(folder), use)
            _check_embeddings(tokens, blank)
            for field, targets in sorted(use.targets):
                check_targets(field, blank, targets)
            if use.sampled:
                check_fields(_architecture(folder), blank, context_limit(folder))
                _check_heads(blank, gpus_per_engine)
            if not quantization(folder):
                _fetched(role, model, lambda: check_weights(model, folder, blank))
            if asked:
                _check_engine(asked, blank, use, gpus_per_engine)
    except ValueError as error:
        if str(error).startswith(f"{role} model {model.name} cannot be fetched"):
            raise
        raise ValueError(f"{role} model {model.name}: {error}") from error


def folder_of(role: str, model: Model) -> Path:
    """A folder of this node with the model's configuration and tokenizer. Raises ValueError where they cannot be
    had."""
    return _fetched(role, model, lambda: base_folder(model, weights=False))


def _fetched(role: str, model: Model, fetch: Callable[[], Any]) -> Any:
    return fetched(f"{role} model {model.name}", " and run again, or give a folder", fetch)


def _check_quantization(folder: Path, use: Use, gpus_per_engine: int) -> None:
    """Check that quantized weights are only sampled, on GPUs, by methods that the engine has without more packages."""
    if not (method := quantization(folder)):
        return
    if use.trained:
        raise ValueError(
            f"its weights are quantized ({method}), and unquantized weights alone are trained: give the "
            "unquantized model that it was made from"
        )
    if method not in SAMPLED_QUANTIZED or not gpus_per_engine:
        raise ValueError(
            f"its weights are quantized ({method}): engines on GPUs sample {', '.join(SAMPLED_QUANTIZED)}, and engines "
            "on CPU none: give the unquantized model that it was made from"
        )


def _check_context(tokens: Tokens, limit: int, use: Use) -> None:
    """Check that the context holds a shortest prompt with its completion, and a longest row of a training."""
    # A demonstration has at least as many tokens as the prompt of an empty question; sampling checks the real prompts.
    least = len(tokens.prompt_ids("?")) * (1 + use.demonstrations) + use.completion.tokens
    if use.sampled and least > limit:
        raise ValueError(
            f"its context of {limit} tokens cannot hold a prompt with {use.demonstrations} "
            f"demonstrations and {use.completion.field}={use.completion.tokens} (at least {least} tokens): lower "
            f"{use.completion.field}{' or demonstrations.count' if use.demonstrations else ''}, or take another model"
        )
    if use.row.tokens > limit:
        raise ValueError(
            f"rows of a training may have {use.row.field}={use.row.tokens}, and its context has {limit} tokens: set "
            f"{use.row.field} to {limit} or less, or take another model"
        )


def _check_embeddings(tokens: Tokens, blank: Any) -> None:
    """Check that every token that a row can contain has a row of the embedding.

    Special tokens spelled in a text are not read as such, so those that nothing uses may lie beyond (Gemma-3's image
    token does).
    """
    rows = int(blank.get_input_embeddings().weight.shape[0])
    tokenizer = tokens.tokenizer
    beyond = {name: number for name, number in tokenizer.get_vocab().items() if number >= rows}
    used = {*tokens.end_tokens, tokenizer.pad_token_id, *tokens.prompt_ids("?")}
    unused = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special} - used
    if wrong := sorted(name for name, number in beyond.items() if number not in unused):
        raise ValueError(
            f"its tokenizer has {len(wrong)} tokens beyond the {rows} rows of the embedding, such as {wrong[0]!r} with "
            f"id {beyond[wrong[0]]}: put the tokenizer that belongs to these weights there, or resize the embedding "
            "(`resize_token_embeddings`) and save the model"
        )


def _check_heads(blank: Any, gpus_per_engine: int) -> None:
    """Check that the engine's attention has heads of this size, and that tensor parallelism splits them evenly."""
    config = blank.config.get_text_config()
    heads: int = getattr(config, "num_attention_heads", 0)
    if heads % (gpus_per_engine or 1):
        raise ValueError(
            f"its {heads} attention heads cannot be split over gpus_per_engine={gpus_per_engine}: "
            f"take a divisor of {heads}"
        )
    if gpus_per_engine or not heads:
        return
    if latent := getattr(config, "kv_lora_rank", None):  # multi-head latent attention, as DeepSeek's
        name, size, known = "kv_lora_rank + qk_rope_head_dim", latent + config.qk_rope_head_dim, CPU_LATENT_SIZES
    else:
        size = getattr(config, "head_dim", None) or config.hidden_size // heads
        name, known = "attention heads of size", CPU_HEAD_SIZES
    if size not in known:
        raise ValueError(
            f"it has {name} {size}, and engines on CPU have only {', '.join(map(str, known))}: set gpus_per_engine in "
            "--resources, or take another model"
        )


def _architecture(folder: Path) -> str:
    """The name by which the engine looks the model up: config.json's, or that of transformers' class."""
    named = raw_config(folder).get("architectures")
    if not named:
        return type(meta_model(folder)).__name__
    if not isinstance(named, list) or not isinstance(named[0], str):
        raise ValueError(f"its config.json has architectures={named!r:.60}, and it must be a list of names: repair it")
    return named[0]


def _check_class(architecture: str, blank: Any) -> None:
    """Check that the engine, which takes config.json's architecture, and the trainer run the same class.

    Qwen3.5's language model, for example, is named `model.layers` in training and `language_model.model.layers` in the
    engine; vLLM 0.32.0 then answers as the base does, without a word (vllm-project/vllm#48019).
    """
    import transformers

    if architecture in APART:
        raise ValueError(
            f"the engine and training compute other models of {architecture}, by {APART[architecture]} nats a token on "
            "the same weights, so that an adapter would be trained for another model: take one of another architecture"
        )
    trained = type(blank).__name__
    if architecture != trained and hasattr(transformers, architecture):
        raise ValueError(
            f"the engine runs the {architecture} that its config.json names, and training makes {trained} of it, whose "
            "layers may have other names, so that the engine would leave the adapter out: save the language model "
            "alone (`AutoModelForCausalLM.from_pretrained(MODEL).save_pretrained(FOLDER)`, and the tokenizer), and "
            "give that folder"
        )


def _check_engine(asked: Question, blank: Any, use: Use, gpus_per_engine: int) -> None:
    """Check that the engine has the architecture and, where a step samples with an adapter, adapters for it."""
    name, support = asked.architecture, asked.answer()
    if support.error:
        lacks = "ModuleNotFoundError" in support.error
        way = "install the build of that package that fits this torch, or " if lacks else ""
        raise ValueError(f"the engine cannot load {name} ({support.error}): {way}take a model of another architecture")
    if not use.with_adapter:
        return
    if not support.lora:
        raise ValueError(
            f"the engine has no LoRA adapters for {name}, so what is trained could not be sampled: "
            f"{_all_weights(use)}, or take a model of another architecture"
        )
    for field, targets in sorted(use.targets):
        if whole := sorted(set(targets) & set(support.merged)):
            raise ValueError(
                f"the engine makes {', '.join(whole)} of several layers and takes no adapter of the whole: leave "
                f"{', '.join(whole)} out of {field}"
            )
    if not gpus_per_engine and (count := experts(blank.config.get_text_config())):
        raise ValueError(
            f"it is a mixture of experts ({count}), and engines on CPU support no adapters of such models: set "
            f"gpus_per_engine in --resources, {_all_weights(use)}, or take a dense model"
        )


def _all_weights(use: Use) -> str:
    """The way out where an engine takes no adapters of a model."""
    fields = sorted({field.removesuffix(".targets") for field, _ in use.targets})
    return f"train all weights ({' '.join(f'{field}=none' for field in fields) or 'lora=none'})"
