"""The base of a worker group: loaded once, then lent to one trainer after another, which adds its own adapter.

A trainer that changes the weights themselves keeps them, so the next one loads the base again.

At 70B a load is 140 GB. Under ZeRO-3 the weights stay sharded over the workers between two trainers.
"""

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ray_jobs.models.folders import base_folder
from ray_jobs.models.training_config import training_config
from ray_jobs.resources.resources import Resources
from w2s.recipe import Model

ENGINE = ("pre_bwd_fn", "post_bwd_fn", "ds_grads_remaining", "applied_pre_backward_ref_cnt")
"""What ZeRO-3 keeps on a module and finds there again: functions of the engine that made them, and its counts. The next
engine's backward pass would fetch weights by the last engine's order, beside its own."""


class Base:
    """A base model on this rank."""

    def __init__(self, model: Model, resources: Resources, fetch: Callable[[], Path] | None = None) -> None:
        self.name, self.resources = model, resources
        self._fetch = fetch or partial(base_folder, model)
        self.is_lent = False
        self._model: Any = None
        self._dropout: dict[Any, float] = {}
        self._config: dict[str, Any] = {}

    @cached_property
    def folder(self) -> Path:
        """The base's folder on this node: the model's or, where its weights were trained, what `fetch` gives; raises as
        these do."""
        return self._fetch()

    def lend(self) -> Any:
        """The model without adapters, in the state in which it was loaded.

        Make the trainer's configuration before, because only then does ZeRO-3 shard the base as it is read.
        """
        import torch

        assert not self.is_lent, "the last trainer has not given the base back"
        self.is_lent = True
        if self._model is None:
            with torch.random.fork_rng():  # a new adapter is the same whether the base was loaded just before it or not
                self._model = load_base(self.resources, self.folder)
            modules = self._model.modules()
            self._dropout = {module: module.p for module in modules if isinstance(module, torch.nn.Dropout)}
            self._config = dict(vars(_text_config(self._model)))
        return self._model

    def take_back(self, trainer: Any) -> None:
        """Take the adapters off, and undo what DeepSpeed, TRL and the Trainer have changed in the base."""
        from peft import PeftModel

        peft_model = trainer.accelerator.unwrap_model(trainer.model)
        trainer.accelerator.free_memory()  # DeepSpeed's engine too, whose hooks lie on the base's modules
        if not isinstance(peft_model, PeftModel):
            self.forget()
            return
        model = peft_model.unload()
        assert model is self._model, "the trainer has another base"
        model.gradient_checkpointing_disable()
        model.disable_input_require_grads()  # where two libraries enabled it, one hook stays, which changes no number
        vars(model).pop("forward", None)  # TRL's fused head
        for module in model.modules():
            for name in ENGINE:
                vars(module).pop(name, None)
        for module, share in self._dropout.items():  # TRL's DPO and ORPO switch dropout off in place
            module.p = share
        config = vars(_text_config(model))  # TRL switches the router's loss of a mixture of experts on or off in it
        config.clear()
        config.update(self._config)
        model.eval()
        self.is_lent = False

    def forget(self) -> None:
        """Load the base again for the next trainer: making the last one failed half-way, on this or another rank, or
        it has changed the weights."""
        self._model, self._dropout, self.is_lent = None, {}, False


def load_base(resources: Resources, folder: Path) -> Any:
    """The base model from its safetensors files; pickled weights and the model's own code are never loaded."""
    from transformers import AutoModelForCausalLM

    config = training_config(folder)
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        config=config,
        dtype=resources.train_dtype,
        trust_remote_code=False,
        use_safetensors=True,
        quantization_config=_four_bits(resources) if resources.quantize_base else None,
    )
    if resources.zero_stage == 3:
        _compute_frequencies(model)
    return model


def _four_bits(resources: Resources) -> Any:
    """QLoRA's NF4 with quantized constants (arXiv 2305.14314) for the linear layers; transformers leaves the head out.

    The layers compute in `train_dtype`, in which embeddings, norms and head stay.
    """
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=resources.train_dtype,
    )


def _compute_frequencies(model: Any) -> None:
    """Compute the frequencies of rotary embeddings again, in float32.

    While a model loads, DeepSpeed's zero.Init makes every new tensor in the dtype of the weights. Frequencies rounded
    to bfloat16 turn queries at position 1,000 by up to 1.2 radians too far (heads of 128, base 10,000), so the adapter
    would be trained for another model than the engine's.
    """
    for module in model.modules():
        names = [name for name, _ in module.named_buffers(recurse=False) if name.endswith("inv_freq")]
        if names:
            exact = dict(type(module)(module.config).named_buffers())
            for name in names:
                buffer = getattr(module, name)
                buffer.data = exact[name].to(buffer.device)


def _text_config(model: Any) -> Any:
    return model.config.get_text_config()
