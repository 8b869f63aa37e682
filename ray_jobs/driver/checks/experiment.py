"""Preflight checks: batch sizes, models, and what the steps request of this machine.

They run on the driver, without weights and without Ray, because a mistake found later has cost an engine start or a
queue.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from contextlib import suppress

from ray_jobs.cost.memory import BYTES, GIB, base_bytes
from ray_jobs.cost.shape import Shape
from ray_jobs.driver.checks.adapter import check_adapter
from ray_jobs.driver.checks.model import Use
from ray_jobs.driver.checks.passed import check_unless_passed
from ray_jobs.driver.costs.estimate import shape_of
from ray_jobs.driver.forecast import memories, worker_memory
from ray_jobs.resources.deepspeed import accumulation
from ray_jobs.resources.requests import node_labels, resource_request
from ray_jobs.resources.resources import Resources
from ray_jobs.resources.weak import prefix
from ray_jobs.runtime import local_ray
from w2s.graph.recipes import FineTune, ForeignAdapter, Prefer, Sample
from w2s.graph.step import Role, Step
from w2s.graph.trained import is_whole
from w2s.recipe import Experiment, Model


def check(experiment: Experiment, missing: Sequence[Step], resources: Resources) -> None:
    """Check what the missing steps of an experiment will use.

    Raises ValueError with the value, the rule and the way out.
    """
    for step in missing:
        if isinstance(step.recipe, FineTune | Prefer):
            field, sizes = f"{step.settings}.batch_size", resources.of(step.role)
            accumulation(step.recipe.optimizer.batch_size, sizes, field, prefix(step.role))
            _check_quantized(step, sizes)
    for role, model in (("weak", experiment.weak), ("strong", experiment.strong)):
        if steps := [step for step in missing if _model(step) == model]:
            assert isinstance(model, Model)
            gpus = resources.of(steps[0].role).gpus_per_engine
            check_unless_passed(role, model, Use.of(steps, experiment.demonstrations.count), gpus)
    _check_room(missing, resources)


def _check_quantized(step: Step, sizes: Resources) -> None:
    """Check that a base in 4 bits is asked for where an adapter is trained, and that this machine can make one.

    That the base's own weights are not quantized is a check of each model.
    """
    field = f"{prefix(step.role)}quantize_base"
    if sizes.quantize_base and is_whole(step["model"]):
        raise ValueError(
            f"{step.name}: {field}=true with lora=none: weights in 4 bits are frozen, and all weights are to be "
            f"trained: leave lora=none out, or set {field}=false in --resources"
        )
    if sizes.quantize_base and importlib.util.find_spec("bitsandbytes") is None:
        raise ValueError(
            f"{step.name}: {field}=true needs the package bitsandbytes, which is not installed here: pip install "
            f"'w2s[qlora]' on every machine of the run, or set {field}=false in --resources"
        )


def check_evaluation(missing: Sequence[Step], resources: Resources) -> None:
    """Check what the missing steps of an evaluation will use.

    Raises ValueError with the value, the rule and the way out.
    """
    for model in dict.fromkeys(model for step in missing if (model := _model(step)) is not None):
        steps = [step for step in missing if _model(step) == model]
        check_unless_passed("evaluated", model, Use.of(steps, 0), resources.of(steps[0].role).gpus_per_engine)
    for step in missing:
        adapter = step.input("adapter")
        if isinstance(step.recipe, Sample) and adapter and isinstance(adapter.step.recipe, ForeignAdapter):
            check_adapter(adapter.step.recipe.name, step.recipe.model)
    _check_room(missing, resources)


def _check_room(missing: Sequence[Step], resources: Resources) -> None:
    """Check that the steps fit on this machine, where the run uses it alone, and into the memory of GPUs."""
    if local_ray.is_own():
        machine = local_ray.machine(with_gpus=bool(resources.gpus_per_engine or resources.gpus_per_worker))
        check_machine(missing, resources, machine)
        check_host_memory(missing, resources, machine["memory"])
    _check_memory(missing, resources)


def check_machine(missing: Sequence[Step], resources: Resources, machine: Mapping[str, float]) -> None:
    """Check that this machine, whose Ray never grows, has what each missing step requests.

    Raises ValueError with the steps, the request and the way out.
    """
    work = [(step.name, (step.kind, resources.of(step.role))) for step in missing]
    for kind, sizes in dict.fromkeys(asked for _, asked in work):
        names = ", ".join(name for name, asked in work if asked == (kind, sizes))
        request = resource_request(sizes, kind)
        for key, amount in request.items():
            if amount > machine[key]:
                raise ValueError(
                    f"{names}: --resources asks for {amount:g} {key}, and this machine has {machine[key]:g}: choose a "
                    "smaller preset or smaller fields, for example local,cpus_per_engine=1, or submit to a cluster"
                )
        if any(request.values()) and (labels := node_labels(sizes, kind)):
            wanted = " ".join(f"{name}={value}" for name, value in labels.items())
            raise ValueError(
                f"{names}: --resources asks for nodes with {wanted}, and this machine is none: set sampling_nodes= and "
                "training_nodes= in --resources, or submit to a cluster"
            )


WHOLE = ", gradients and optimizer state of all weights"
ADAPTERS = "leave lora=none out, "


def check_host_memory(missing: Sequence[Step], resources: Resources, memory: float) -> None:
    """Check that what each missing step holds on CPU fits into this machine's `memory`, in bytes.

    Weights and KV caches are counted, because they are certain; where all weights are trained, also their gradients and
    optimizer. Raises ValueError with the steps, both sizes and the way out.
    """
    on_cpu = [step for step in missing if _is_on_cpu(step, resources)]
    for name, shape in _shapes(on_cpu).items():
        steps = [step for step in on_cpu if (model := _model(step)) and model.name == name]
        sizes = resources.of(steps[0].role)
        sampled = [step.name for step in steps if isinstance(step.recipe, Sample)]
        whole = [step for step in steps if isinstance(step.recipe, FineTune | Prefer) and is_whole(step["model"])]
        trained = [step.name for step in steps if not isinstance(step.recipe, Sample) and step not in whole]
        full = [worker_memory(step, shape, sizes).state for step in whole]
        engine = shape.parameters * BYTES[sizes.engine_dtype] + sizes.cpu_kv_cache_gib * GIB
        worker = base_bytes(shape, sizes)
        workers = 1 if sizes.zero_stage == 3 else sizes.workers
        for names, needed, parts, way in (
            (sampled, sizes.min_engines * engine, " and cpu_kv_cache_gib", "cpu_kv_cache_gib or min_engines"),
            (trained, workers * worker, "", "workers"),
            ([step.name for step in whole], sizes.workers * max(full, default=0), WHOLE, "workers"),
        ):
            if names and needed > memory:
                raise ValueError(
                    f"{', '.join(names)}: weights{parts} of {name} on CPU take {needed / GIB:.1f} GiB, and this "
                    f"machine has {memory / GIB:.1f}: take a smaller model or another preset, lower {way} in "
                    f"--resources, {ADAPTERS if parts == WHOLE else ''}or submit to a cluster"
                )


def _is_on_cpu(step: Step, resources: Resources) -> bool:
    return not (resources.gpus_per_engine if isinstance(step.recipe, Sample) else resources.gpus_per_worker)


def _shapes(steps: Sequence[Step]) -> dict[str, Shape]:
    """The shapes of the steps' models by name, without those that cannot be counted."""
    shapes: dict[str, Shape] = {}
    for model in dict.fromkeys(model for step in steps if (model := _model(step)) is not None):
        with suppress(ValueError):  # a mixture of experts, for example
            shapes[model.name] = shape_of(model)
    return shapes


def _model(step: Step) -> Model | None:
    return step.recipe.model if isinstance(step.recipe, FineTune | Prefer | Sample) else None


def _check_memory(missing: Sequence[Step], resources: Resources) -> None:
    """Check that weights, optimizer, gathered layers and the KV cache of one sequence fit into each GPU.

    Activations are left to `w2s plan --resources`, because they are estimates; so are models that it cannot count.
    """
    if not resources.gpus_per_engine and not resources.gpus_per_worker:
        return
    shapes = _shapes(missing)
    counted = [
        step
        for step in missing
        if isinstance(step.recipe, FineTune | Prefer | Sample) and step.recipe.model.name in shapes
    ]
    roles: dict[str, Role] = {model.name: step.role for step in counted if (model := _model(step))}
    for name, memory in memories(counted, shapes, resources, prompt=0).items():
        if memory.certain > memory.limit:
            parts = ", ".join(f"{part} {size / GIB:.1f}" for part, size in memory.parts.items() if size)
            part = prefix(roles[name.partition(" of ")[2]])
            raise ValueError(
                f"{name} does not fit: it takes at least {memory.certain / GIB:.1f} GiB of each GPU ({parts}), and "
                f"--resources allows {memory.limit / GIB:.1f}: {ADAPTERS if name.startswith('full ') else ''}take a "
                f"preset with more GPUs or larger gpu_gib, {part}gpus_per_engine or {part}workers (with "
                f"{part}zero_stage=3); `w2s plan --resources` shows the parts"
            )
