"""Preflight checks: batch sizes, models, and what the steps request of this machine.

They run on the driver, without weights and without Ray, because a mistake found later has cost an engine start or a
queue.
"""

from collections.abc import Mapping, Sequence

from ray_jobs.driver.model_checks import Use, check_model
from ray_jobs.resources.deepspeed import accumulation
from ray_jobs.resources.requests import node_labels, resource_request
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime import local_ray
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step
from w2s.recipe import Experiment, Model


def check(experiment: Experiment, missing: Sequence[Step], resources: Resources) -> None:
    """Check what the missing steps of an experiment will use.

    Raises ValueError with the value, the rule and the way out.
    """
    for step in missing:
        if isinstance(step.recipe, FineTune):
            accumulation(step.recipe.sft.batch_size, resources)
        elif isinstance(step.recipe, Prefer):
            accumulation(step.recipe.preference.batch_size, resources)
    for role, model in (("weak", experiment.weak), ("strong", experiment.strong)):
        if steps := [step for step in missing if _model(step) == model]:
            check_model(role, model, Use.of(steps, experiment.demonstrations.count), resources)
    if local_ray.is_own():
        check_machine(missing, resources, local_ray.machine())


def check_machine(missing: Sequence[Step], resources: Resources, machine: Mapping[str, float]) -> None:
    """Check that this machine, whose Ray never grows, has what each missing step requests.

    Raises ValueError with the steps, the request and the way out.
    """
    for kind in dict.fromkeys(step.kind for step in missing):
        names = ", ".join(step.name for step in missing if step.kind == kind)
        request = resource_request(resources, kind)
        for key, amount in request.items():
            if amount > machine[key]:
                raise ValueError(
                    f"{names}: --resources asks for {amount:g} {key}, and this machine has {machine[key]:g}: choose a "
                    "smaller preset or smaller fields, for example local,cpus_per_engine=1, or submit to a cluster"
                )
        if any(request.values()) and (labels := node_labels(resources, kind)):
            wanted = " ".join(f"{name}={value}" for name, value in labels.items())
            raise ValueError(
                f"{names}: --resources asks for nodes with {wanted}, and this machine is none: set sampling_nodes= and "
                "training_nodes= in --resources, or submit to a cluster"
            )


def _model(step: Step) -> Model | None:
    return step.recipe.model if isinstance(step.recipe, FineTune | Prefer | Sample) else None
