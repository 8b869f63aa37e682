"""Sizes of a run's engines and training workers; presets.py holds the values for known machines.

No field is part of a step's identity: the same recipe on other resources is the same step. Learning rate, global batch
size and token limits therefore belong to the recipe.

Whatever a step starts takes its sizes from `Resources.of` its role, which are plain ones: nothing below asks for roles.
"""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ray_jobs.resources.weak import WeakSizes
from w2s.graph.step import Role


class Resources(BaseModel):
    """Sizes of the two kinds of GPU work: sampling engines and training workers.

    Raises ValueError, naming the field and the rule, where sizes do not go together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    min_engines: int = Field(ge=1)
    """Engines that a sampling step must hold at once before it samples."""
    max_engines: int = Field(ge=1)
    """Most engines of one sampling step; Ray Data adds engines up to this number while CPUs, GPUs and work remain."""
    gpus_per_engine: int = Field(ge=0)
    """Tensor parallel size; 0 samples on CPU."""
    cpus_per_engine: int = Field(ge=1)
    """On CPU also the engine's OpenMP threads."""
    engine_dtype: Literal["bfloat16", "float16", "float32"]
    """Dtype of an engine's weights and activations; float16 for GPUs without bfloat16 (before Ampere)."""
    max_num_seqs: int = Field(ge=1)
    """Sequences an engine decodes at once."""
    gpu_gib: int = Field(ge=1)
    """Memory of one GPU in GiB, which `w2s plan` counts with; not used on CPU."""
    gpu_memory_utilization: float = Field(gt=0, le=1)
    """Share of each GPU's memory for weights and KV cache together; not used on CPU."""
    cpu_kv_cache_gib: int = Field(ge=1)
    """KV cache of an engine on CPU, in GiB; not used on GPU."""
    problems_per_block: int = Field(ge=1)
    """Most problems per file of completions; where several engines share a step, its files are smaller."""
    sampling_nodes: str
    """Value of the node label `w2s-nodes` that engines need; empty: any node."""
    workers: int = Field(ge=1)
    """Training processes of one step."""
    gpus_per_worker: int = Field(ge=0, le=1)
    """1, or 0 to train on CPU."""
    cpus_per_worker: float = Field(gt=0)
    """CPUs that a worker requests from Ray; on CPU also its threads, at least one."""
    train_dtype: Literal["bfloat16", "float32"]
    """Dtype of the frozen base's weights; bfloat16 also turns on autocast. GPUs without bfloat16 train in float32."""
    zero_stage: int
    """DeepSpeed: 0 keeps the base's weights whole on each worker, 3 shards them over the workers.

    Stages 1 and 2 shard gradients and optimizer state only, which are small for an adapter; where all weights are
    trained, 3 shards these too.
    """
    quantize_base: bool = False
    """QLoRA: hold the frozen base of an adapter's training in 4 bits (NF4), where 16 leave a GPU no room for it. Needs
    zero_stage=0, train_dtype=bfloat16 and the package bitsandbytes (`pip install 'w2s[qlora]'`); not for `lora=none`.

    Engines sample from the base in engine_dtype, so the adapter was trained beside a rounded copy of what it serves.
    """
    micro_batch: int = Field(ge=1)
    """Examples (pairs) per worker per forward pass."""
    gradient_checkpointing: bool
    """Recompute activations in the backward pass, which saves memory and costs about one more forward pass."""
    training_nodes: str
    """As `sampling_nodes`, for training workers."""
    save_minutes: float = Field(ge=0)
    """Minutes between checkpoints, the most work a lost node costs; if shorter than a step, every step saves one."""
    max_failures: int = Field(ge=0)
    """Lost workers after which a training step gives up."""
    on_doubt: Literal["warn", "stop", "ignore"] = "warn"
    """What a run does where it is not worth going on: nothing right at the floor, no gap to the ceiling, flat votes,
    poor pairs. `stop` starts no further step."""
    weak: WeakSizes = WeakSizes()
    """Sizes of the weak model's steps, where they differ: `weak.workers=2`."""

    @field_validator("train_dtype", mode="before")
    @classmethod
    def _train_dtype(cls, dtype: Any) -> Any:
        if dtype in ("float16", "fp16", "half"):
            raise ValueError(
                f"{dtype} loses small gradients and overflows at 65504, so training in it is not offered: set "
                "train_dtype=float32 on GPUs without bfloat16; engine_dtype=float16 is for their engines"
            )
        return dtype

    @field_validator("zero_stage")
    @classmethod
    def _zero_stage(cls, stage: int) -> int:
        if stage not in (0, 3):
            raise ValueError("must be 0 or 3")
        return stage

    @model_validator(mode="after")
    def _quantized(self) -> Self:
        if self.quantize_base and (self.zero_stage != 0 or self.train_dtype != "bfloat16"):
            raise ValueError(
                f"quantize_base=true with zero_stage={self.zero_stage} and train_dtype={self.train_dtype}: a base in 4 "
                "bits is trained whole on each worker, beside an adapter in bfloat16: set zero_stage=0 and "
                "train_dtype=bfloat16 together with it, or leave quantize_base out"
            )
        return self

    @model_validator(mode="after")
    def _engines(self) -> Self:
        if self.min_engines > self.max_engines:
            raise ValueError(
                f"min_engines={self.min_engines} must not be above max_engines={self.max_engines}; set both together"
            )
        return self

    @model_validator(mode="after")
    def _weak(self) -> Self:
        if self.weak != WeakSizes():
            try:
                self.of("weak")
            except ValidationError as error:
                rule = error.errors()[0]["msg"].removeprefix("Value error, ")
                raise ValueError(f"for the weak model: {rule}") from None
        return self

    def of(self, role: Role) -> Self:
        """The sizes that steps of one role run with, whatever the other role's are."""
        sizes = {name: size for name, size in self.weak if size is not None} if role == "weak" else {}
        if not self.gpus_per_engine:
            sizes.pop("gpus_per_engine", None)
        if "max_engines" in sizes:
            sizes["min_engines"] = min(self.min_engines, sizes["max_engines"])
        return self.changed(**sizes, weak=WeakSizes())

    def changed(self, **fields: Any) -> Self:
        """A copy with other values of some fields, checked like a new one."""
        return type(self).model_validate(dict(self) | fields)

    @property
    def tensor_parallel(self) -> int:
        """Tensor parallel size of an engine."""
        return max(1, self.gpus_per_engine)
