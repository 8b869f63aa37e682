"""What the finished steps of a store took: rates and lengths that replace those of the table for the same base.

A rate is of the same weights, not of other weights of their size, and of the device that the newest such step ran on.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ray_jobs.resources.requests import CORE
from w2s.graph.directory import STEPS, kind_of, listed_directory
from w2s.graph.fingerprint import stable
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step
from w2s.store.manifest import Manifest
from w2s.store.store import Store

KINDS = ("sample", "finetune", "prefer")
Key = tuple[str, str, bool]
"""Work (`sampling`, `SFT`, `DPO`, `ORPO`, or `full SFT` and so on), revision of the base, and whether the devices are
GPUs."""


@dataclass(frozen=True)
class Speed:
    """What the steps of one kind of work on one base and device took."""

    device: str
    steps: int
    last: str
    """When the newest of them started, UTC."""
    tokens_per_second: float
    """Of one device, from when the work began: completion tokens, or tokens that a training passes over."""
    start_seconds: float
    """Mean of a step, before its work began. Steps of a group share a start, so most have next to none."""


@dataclass(frozen=True)
class Measured:
    """What a store knows before a run."""

    rows: Mapping[str, int] = field(default_factory=dict[str, int])
    """Rows of the splits, once they are read."""
    speeds: Mapping[Key, Speed] = field(default_factory=dict[Key, Speed])
    lengths: Mapping[str, float] = field(default_factory=dict[str, float])
    """Fields of Rates that say how long questions and answers are, where a step has sampled from one of the bases."""

    def speed(self, step: Step, on_gpu: bool) -> Speed | None:
        """The speed of such a step; None where no such step is finished."""
        return self.speeds.get(key(step.kind, stable(step.recipe), dict(step.inputs), on_gpu))


def measured(store: Store, steps: Sequence[Step]) -> Measured:
    """What a store knows before these steps, of which the first is the problems: rows, speeds, and lengths."""
    directories = [listed_directory(name) for name in store.objects.names(store.objects.path(STEPS))]
    read = store.finished([directory for directory in directories if kind_of(directory) in KINDS])
    manifest = store.manifest(steps[0])
    bases = {step.recipe.model.revision for step in steps if isinstance(step.recipe, Sample)}
    return Measured(manifest.rows if manifest else {}, speeds(read), lengths(read, bases))


def lengths(manifests: Iterable[Manifest], bases: Collection[str | None]) -> dict[str, float]:
    """Mean tokens of a completion, and of a prompt without demonstrations, over all steps that sampled from a base.

    A prompt with demonstrations is left out, because a plan counts those by themselves.
    """
    sampled = [one for one in manifests if one.kind == "sample" and one.recipe["model"].get("revision") in bases]
    plain = [one for one in sampled if "demonstrations" not in one.inputs]
    means = {
        "question_tokens": _mean(plain, "prompt_tokens", "problems"),
        "answer_tokens": _mean(sampled, "completion_tokens", "completions"),
    }
    return {name: mean for name, mean in means.items() if mean}


def _mean(manifests: Sequence[Manifest], tokens: str, of: str) -> float:
    """Tokens a problem or completion, rounded to a tenth; 0 where nothing was sampled."""
    total = sum(manifest.counts.get(of, 0.0) for manifest in manifests)
    return round(sum(manifest.counts.get(tokens, 0.0) for manifest in manifests) / total, 1) if total else 0.0


def speeds(manifests: Iterable[Manifest]) -> dict[Key, Speed]:
    """The speeds of finished sampling and training steps.

    Left out are steps whose seconds are not those of their tokens: resumed trainings, and steps that ran before starts
    were recorded.
    """
    found: dict[Key, dict[str, list[Manifest]]] = defaultdict(lambda: defaultdict(list))
    for manifest in manifests:
        is_whole = manifest.held_seconds > manifest.start_seconds and not manifest.counts.get("resumed_at_step")
        if is_whole and worked_tokens(manifest) and len(manifest.device_seconds) == 1:
            (device,) = manifest.device_seconds
            found[key(manifest.kind, manifest.recipe, manifest.inputs, not device.startswith(CORE))][device].append(
                manifest
            )
    return {of: _newest(devices) for of, devices in found.items()}


def worked_tokens(manifest: Manifest) -> float:
    """Completion tokens that the step's last attempt sampled, or tokens that a training passed over in all epochs."""
    if manifest.kind == "sample":
        return manifest.counts.get("sampled_tokens", 0.0)
    optimizer: Mapping[str, Any] = manifest.recipe["sft" if manifest.kind == "finetune" else "preference"]
    return manifest.counts.get("tokens", 0.0) * float(optimizer["epochs"])


def key(kind: str, recipe: Mapping[str, Any], roles: Collection[str], on_gpu: bool) -> Key:
    """What a step's speed is filed under, from its recipe as a manifest has it and the roles of its inputs."""
    model: Mapping[str, Any] = recipe["model"]
    if kind == "sample":
        return "sampling", str(model.get("revision")), on_gpu
    method = "SFT" if kind == "finetune" else str(recipe["preference"]["loss"]).upper()
    whole = recipe["sft"]["lora"] is None if kind == "finetune" else "base" in roles
    return f"{'full ' if whole else ''}{method}", str(model.get("revision")), on_gpu


def work_name(step: Step) -> str:
    """The work of a step, and the base."""
    assert isinstance(step.recipe, Sample | FineTune | Prefer)
    return f"{key(step.kind, stable(step.recipe), dict(step.inputs), False)[0]} of {step.recipe.model.name}"


def _newest(devices: Mapping[str, Sequence[Manifest]]) -> Speed:
    """The speed on the device of the newest step."""
    device = max(devices, key=lambda name: max(manifest.started for manifest in devices[name]))
    steps = devices[device]
    worked = sum(
        manifest.device_seconds[device] * (1 - manifest.start_seconds / manifest.held_seconds) for manifest in steps
    )
    starts = sum(manifest.start_seconds for manifest in steps) / len(steps)
    last = max(manifest.started for manifest in steps)
    return Speed(device, len(steps), last, sum(map(worked_tokens, steps)) / worked, starts)
