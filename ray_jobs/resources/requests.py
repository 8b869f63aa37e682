"""The resource request of each kind of step: CPUs, GPUs, node labels and placement."""

from ray_jobs.resources.resources import Resources

GPUS_PER_NODE = 8
"""GPUs of one node of the presets. Workers that fit on one node share it, because its links between GPUs are fast."""
CORE = "core of "
"""How the name of a device begins that is no GPU."""
NODE_LABEL = "w2s-nodes"
"""Node label that `sampling_nodes` and `training_nodes` name a value of; cluster.yaml gives it to its node types."""


def resource_request(resources: Resources, kind: str) -> dict[str, float]:
    """CPUs and GPUs that a step of `kind` (`Step.kind`) must hold at once to make progress; zero for CPU-only jobs."""
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


def resource_request_on_one_node(resources: Resources, kind: str) -> dict[str, float]:
    """The part of `resource_request` that must fit on one node: an engine, or the workers that share a node."""
    if kind == "sample":
        return {"CPU": resources.cpus_per_engine, "GPU": resources.gpus_per_engine}
    together = resources.workers if scaling_strategy(resources) == "STRICT_PACK" else 1
    return {"CPU": together * resources.cpus_per_worker, "GPU": together * resources.gpus_per_worker}


def node_labels(resources: Resources, kind: str) -> dict[str, str]:
    """Label selector of the nodes that may run a kind of step; empty allows any node."""
    value = resources.sampling_nodes if kind == "sample" else resources.training_nodes
    return {NODE_LABEL: value} if value else {}


def scaling_strategy(resources: Resources) -> str:
    """Ray's placement strategy: one node if all GPU workers fit on it, else as few nodes as possible.

    ZeRO-3 gathers all weights several times a step, and links within a node are faster than links between nodes.
    """
    return "STRICT_PACK" if 0 < resources.workers * resources.gpus_per_worker <= GPUS_PER_NODE else "PACK"
