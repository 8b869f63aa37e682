"""What the driver and the workers of a group of trainings tell each other: the jobs, their progress and their results.

They are values of their own because Ray pickles them; this file imports no torch, so the reporter's process stays
small.
"""

from dataclasses import dataclass
from typing import Any

from ray_jobs.resources.resources import Resources
from ray_jobs.training.rows.counts import TokenFiles
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import Step
from w2s.store.manifest import File
from w2s.store.store import Store


@dataclass(frozen=True)
class TrainingJob:
    """All that a worker needs for one step of its group. Made by job.py, read by worker.py on every rank."""

    step: Step
    store: Store
    resources: Resources
    rows: TokenFiles
    total: int
    """Optimizer steps of the whole training, for the progress."""
    inputs: str
    """`Store.inputs_digest` of the step; a checkpoint with another digest is not resumed."""
    attempt: str
    """Name of the attempt's folder in the step's directory."""


@dataclass(frozen=True)
class Waiting:
    """A step that waits for the workers of its group. Made by the driver, kept by the `Reporter`."""

    job: Any
    """A reference to its `TrainingJob`, so that the reporter's process imports nothing to read it."""
    chain: int
    """Steps that wait for this one, one after another."""


@dataclass(frozen=True)
class StepLoss:
    """The logged loss at an optimizer step; the first step is 1."""

    step: int
    loss: float


@dataclass(frozen=True)
class TrainingResult:
    """What a finished training left. Made by rank 0, read by job.py."""

    files: tuple[File, ...]
    """The trained model's files in the step's directory."""
    steps: int
    """Optimizer steps of the whole training."""
    resumed_at_step: int
    """Optimizer step of the checkpoint that this worker group resumed; 0 without a checkpoint."""
    world_size: int
    """Workers at the end of the training."""
    adapted_layers: int
    """Linear layers of the base that the adapter changes; 0 where all weights were trained."""
    losses: tuple[StepLoss, ...]
    trained_weights: int
    """Numbers that were trained, of the adapter or of the whole language model."""
    experts: int = 0
    """Experts of each mixture in the base, which no adapter changes; 0 in a dense model."""
    peak_bytes: int = 0
    """Most memory that a worker held: tensors on its GPU during this step, on CPU the whole process so far."""
    first_logps: tuple[float, float] | None = None
    """Mean log-probability of the chosen and of the rejected sides in the first batch, before any update: with DPO of
    whole completions, with ORPO a token; None in an SFT."""

    def counts(self) -> dict[str, float]:
        """The numbers for the step's manifest."""
        chosen, rejected = self.first_logps or (None, None)
        logged = {"first_chosen_logp": chosen, "first_rejected_logp": rejected}
        return {
            "steps": self.steps,
            "resumed_at_step": self.resumed_at_step,
            "world_size": self.world_size,
            "adapted_layers": self.adapted_layers,
            "trained_weights": self.trained_weights,
            "first_loss": self.losses[0].loss,
            "last_loss": self.losses[-1].loss,
            "peak_bytes": self.peak_bytes,
            **{name: logp for name, logp in logged.items() if logp is not None},
        }


@dataclass(frozen=True)
class Refusal:
    """Why the training cannot run as the user asked. Made by any rank; job.py raises it as ValueError."""

    reason: str


class TrainingRefused(ValueError):
    """Raised on every rank of a training that would end the same way in another attempt."""


def diverged(step: Step, reason: str) -> TrainingRefused:
    """The error of a training whose numbers are no longer finite; it names the experiment's field to lower."""
    recipe = step.recipe
    assert isinstance(recipe, FineTune | Prefer)
    rate = f"{step.settings}.learning_rate={recipe.optimizer.learning_rate}"
    return TrainingRefused(f"{step.name}: the training has diverged: {reason}: lower {rate}")


@dataclass(frozen=True)
class StepsDone:
    """Progress of a training: optimizer steps done and the latest loss, None before the first logged loss."""

    steps: int
    loss: float | None


@dataclass(frozen=True)
class StepState:
    """What the `Reporter` knows of one step of a worker group. Read by job.py and by later worker groups."""

    begun: int = 0
    """How often a worker group has begun the step."""
    done: StepsDone | None = None
    """The latest progress; None before the first."""
    saves: int = 0
    """Checkpoints saved to the store by all worker groups."""
    outcome: TrainingResult | Refusal | None = None
    """None while the step has not ended."""
    since: float = 0.0
    """Unix time at which the last worker group had its trainer and began to train; 0 before that."""
    logged: tuple[StepsDone, ...] = ()
    """Each progress with a loss, in order; those beyond the checkpoint that is resumed are forgotten."""
