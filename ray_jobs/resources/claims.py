"""What a step of each kind asks Ray for."""

from ray_jobs.resources.resources import Resources

GPUS_PER_NODE = 8
"""Of the machines the presets are made for; workers that fit one are kept on one, where the links between GPUs are fast."""


NODE_LABEL = "w2s-nodes"
"""Node label that `sampling_nodes` and `training_nodes` name a value of; cluster.yaml gives it to its node types."""


def needs(resources: Resources, kind: str) -> dict[str, float]:
    """CPUs and GPUs that a step of a kind (`Step.kind`) must have at once to make progress; kinds without Ray work need none."""
    if kind == "sample":
        return {
            "CPU": resources.min_engines * resources.cpus_per_engine,
            "GPU": resources.min_engines * resources.gpus_per_engine,
        }
    if kind in ("finetune", "prefer"):
        return {
            "CPU": resources.workers * resources.cpus_per_worker,
            "GPU": resources.workers * resources.gpus_per_worker,
        }
    return {"CPU": 0, "GPU": 0}


def needs_on_one_node(resources: Resources, kind: str) -> dict[str, float]:
    """The part of `needs` that one node must have: an engine, or the workers that are kept together."""
    if kind == "sample":
        return {"CPU": resources.cpus_per_engine, "GPU": resources.gpus_per_engine}
    together = resources.workers if scaling_strategy(resources) == "STRICT_PACK" else 1
    return {"CPU": together * resources.cpus_per_worker, "GPU": together * resources.gpus_per_worker}


def node_labels(resources: Resources, kind: str) -> dict[str, str]:
    """Labels of the nodes that may do a kind of step."""
    value = resources.sampling_nodes if kind == "sample" else resources.training_nodes
    return {NODE_LABEL: value} if value else {}


def scaling_strategy(resources: Resources) -> str:
    """ZeRO-3 moves all weights several times a step: one node's links where the workers fit, else as few nodes as possible."""
    return "STRICT_PACK" if 0 < resources.workers * resources.gpus_per_worker <= GPUS_PER_NODE else "PACK"
