"""Sizes of the weak model's engines and trainings: a model of 2 to 7 billion parameters needs no GPUs for 70."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from w2s.graph.step import Role


class WeakSizes(BaseModel):
    """Sizes of the weak model's steps, where they differ: `--resources cluster-70b,weak.workers=8`. A field that is
    none has the value of the field of Resources with its name; `weak={}` sets all to none.

    Where the weak model has the strong one's name the strong one's sizes hold for both, because they share engines and
    workers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_engines: int | None = Field(default=None, ge=1)
    """`min_engines` is at most this too."""
    gpus_per_engine: int | None = Field(default=None, ge=1)
    """Not used where the strong model samples on CPU, because both then do."""
    cpus_per_engine: int | None = Field(default=None, ge=1)
    """As in Resources."""
    workers: int | None = Field(default=None, ge=1)
    """The weak model's batch sizes must be divisible by its own workers x micro_batch."""
    zero_stage: Literal[0, 3] | None = None
    """0 where the whole base fits on a GPU: nothing is gathered."""
    quantize_base: bool | None = None
    """As in Resources."""
    micro_batch: int | None = Field(default=None, ge=1)
    """As in Resources."""
    gradient_checkpointing: bool | None = None
    """As in Resources."""


def prefix(role: Role) -> str:
    """What the names of a role's own sizes begin with in --resources, for errors."""
    return "weak." if role == "weak" else ""
