"""Rates and prices that turn work into hours and money: a table by the memory of a GPU, which the user can change."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from ray_jobs.resources.resources import Resources
from w2s.experiments.overrides import set_fields


class Rates(BaseModel):
    """What is assumed of a GPU, of a model's answers and of the data; `--rates FIELD=VALUE` changes a field."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dollars: float = Field(ge=0)
    """Price of one GPU for an hour, in US dollars."""
    memory_gb_s: float = Field(gt=0)
    """Bandwidth of a GPU's memory, in GB/s."""
    tflops: float = Field(gt=0)
    """Dense bfloat16 operations of a GPU, in TFLOP/s."""
    link_gb_s: float = Field(gt=0)
    """What ZeRO-3's gathering reaches between GPUs, in GB/s for each."""
    decode_share: float = Field(default=0.6, gt=0, le=1)
    """Share of the memory's bandwidth that decoding reaches."""
    compute_share: float = Field(default=0.4, gt=0, le=1)
    """Share of the operations that training and prefill reach."""
    load_gb_s: float = Field(default=1.0, gt=0)
    """Weights read from disk, in GB/s a node."""
    start_seconds: float = Field(default=120, ge=0)
    """Start of an engine or a training besides its weights: imports, compilation, captured graphs."""
    question_tokens: float = Field(default=100, gt=0)
    """Mean tokens of a question with its prompt."""
    answer_tokens: float = Field(default=150, gt=0)
    """Mean tokens of a completion, where max_tokens allows."""
    kept: float = Field(default=0.5, gt=0, le=1)
    """Share of the problems that agreement keeps."""
    pairs: float = Field(default=0.4, gt=0, le=1)
    """Preference pairs a problem."""
    problems: int = Field(default=5000, ge=1)
    """Rows of a split whose number is not known before it is read."""


TABLE = {
    24: Rates(dollars=1.0, memory_gb_s=600, tflops=70, link_gb_s=10),
    48: Rates(dollars=1.9, memory_gb_s=864, tflops=181, link_gb_s=10),
    40: Rates(dollars=4.1, memory_gb_s=1555, tflops=312, link_gb_s=150),
    80: Rates(dollars=5.1, memory_gb_s=2039, tflops=312, link_gb_s=150),
}
"""By GiB of a GPU: A10G, L40S, A100 of both sizes, with AWS's prices on demand in us-east-1 of 2024, rounded. For H100:
`--rates dollars=12 memory_gb_s=3350 tflops=989 link_gb_s=250`."""


def load_rates(resources: Resources, changes: Sequence[str], lengths: Mapping[str, float] | None = None) -> Rates:
    """The rates of the GPU of these resources, with the measured `lengths`, and then fields changed as `--rates` gives
    them.

    Raises ValueError for an unknown field, a wrong type or a refused value.
    """
    size = next((size for size in sorted(TABLE) if size >= resources.gpu_gib), max(TABLE))
    return set_fields(TABLE[size].model_copy(update=dict(lengths or {})), list(changes), "--rates", "dollars=2.5")
