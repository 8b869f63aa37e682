"""What a run needs of every node, tried there: store, models, versions, clock, disk, memory, GPUs, all-reduce."""

import shutil
import socket
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import ceil
from typing import Any

from ray_jobs.cluster import probe
from ray_jobs.cluster.checks import PACKAGES, Row, judge_machine, outside
from ray_jobs.driver.preflight import gpus
from ray_jobs.models.folders import base_folder
from ray_jobs.models.weights import Absent, absent_weights
from ray_jobs.resources.requests import node_labels, resource_request_on_one_node
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime import local_ray
from w2s.errors import first_line
from w2s.recipe import Experiment, Model
from w2s.store.objects.probes import check_writable
from w2s.store.store import Store

TENSOR_BYTES = 64 << 20
ROUNDS = 3
NETWORK_SECONDS = 120.0
"""How long the nodes may take to find each other and to reduce ROUNDS + 1 tensors; 1 Gbit/s needs 5 s."""


def preflight(experiment: Experiment, store: Store, resources: Resources) -> list[Row]:
    """A row for each check on each node; Ray is started or joined, and of models' weights only a trial is
    fetched."""
    local_ray.start()
    import ray

    nodes = [node for node in ray.nodes() if node["Alive"]]
    labels = {kind: node_labels(resources, kind) for kind in ("sample", "finetune")}
    fitting = {kind: [node for node in nodes if _has(node, needed)] for kind, needed in labels.items()}
    rows = list(_labels(labels, fitting))
    working = {node["NodeID"] for found in fitting.values() for node in found}
    on_gpus = {
        node["NodeID"]
        for kind, found in fitting.items()
        for node in found
        if resource_request_on_one_node(resources, kind)["GPU"]
    }
    models = [model for model in (experiment.weak, experiment.strong) if isinstance(model, Model)]
    began, facts = time.time(), ray.remote(_facts)
    tasks = [
        facts.options(num_cpus=0, scheduling_strategy=_there(node)).remote(
            store, models if node["NodeID"] in working else [], node["NodeID"] in on_gpus
        )
        for node in nodes
    ]
    for node, task in zip(nodes, tasks, strict=True):
        rows += _node(node["NodeManagerHostname"], task, began, resources)
    return [*rows, _all_reduce(fitting["finetune"], resources)] if fitting["finetune"] else rows


def _has(node: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return labels.items() <= node["Labels"].items()


def _labels(labels: Mapping[str, Mapping[str, str]], fitting: Mapping[str, Sequence[Any]]) -> Iterator[Row]:
    for kind, work in (("sample", "sampling"), ("finetune", "training")):
        wanted = ", ".join(f"{name}={value}" for name, value in labels[kind].items()) or "any label"
        found = [node["NodeManagerHostname"] for node in fitting[kind]]
        missing = f"no node has {wanted}: start one, or choose other --resources"
        yield Row("cluster", f"nodes for {work}", bool(found), f"{wanted}: {', '.join(found)}" if found else missing)


def _node(host: str, task: Any, began: float, resources: Resources) -> list[Row]:
    """The checks of one node, from the facts of the task that runs there since `began`."""
    import ray

    try:
        found: dict[str, Any] = ray.get(task, timeout=NETWORK_SECONDS)
    except Exception as error:  # a lost node, or a task without its packages
        return [Row(host, "task", False, first_line(error))]
    row = partial(Row, host)
    here = probe.probe(list(PACKAGES), [], "", {})
    rows = list(judge_machine(row, found, outside(found["clock"], began, time.time()), _versions(here)))
    if found["gpus"] is not None:
        rows.append(gpus.judge(row, found["gpus"], resources.gpu_memory_utilization))
    return rows + [row("model", *judge_model(name, *facts)) for name, facts in found["models"].items()]


def judge_model(name: str, why: str, absent: Absent, free: int) -> tuple[bool, str]:
    """Whether a node can have a model, and what is said of it; `free` are bytes of the disk that its weights go to."""
    if why:
        return False, why
    read = f"{name}: configuration and tokenizer are read"
    if not absent.size:
        return True, f"{read}, the weights are there"
    fetched = f"{read}, {absent.size / 1e9:.1f} GB of weights are not there yet"
    if absent.size > free:
        return False, f"{fetched}, and {free / 1e9:.1f} GB are free: set HF_HOME or W2S_CACHE to a larger disk"
    minutes = ceil(absent.size / absent.rate / 60)
    came = f"a part of them came at {absent.rate / 1e6:,.0f} MB/s"
    return True, f"{fetched}: the first step that loads them fetches them, in about {minutes} min ({came})"


def _versions(found: Mapping[str, Any]) -> dict[str, str]:
    return {"python": found["python"], **found["packages"]}


def _facts(store: Store, models: Sequence[Model], on_gpus: bool) -> dict[str, Any]:
    """Runs on the node."""
    found = probe.probe(list(PACKAGES), [], "", {})
    return {
        **found,
        "store": _why(lambda: check_writable(store.objects)),
        "models": {model.name: _model(model) for model in models},
        "gpus": gpus.ask() if on_gpus else None,
    }


def _model(model: Model) -> tuple[str, Absent, int]:
    """Why a model cannot be read, its weights that are not on this node, and bytes that are free for them."""
    absent, free = Absent(0, 0.0), 0

    def look() -> None:
        nonlocal absent, free
        absent, free = absent_weights(model), shutil.disk_usage(base_folder(model, weights=False)).free

    return _why(look), absent, free


def _why(call: Any) -> str:
    """Empty, or why the call fails."""
    try:
        call()
        return ""
    except Exception as error:  # the table shows it, whatever it is
        return first_line(error)


def _there(node: Mapping[str, Any]) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)


def _all_reduce(nodes: Sequence[Mapping[str, Any]], resources: Resources) -> Row:
    """One rank on each training node; their slowest link sets the bandwidth."""
    import ray

    names = ", ".join(node["NodeManagerHostname"] for node in nodes)
    gpus = resources.gpus_per_worker
    actor: Any = ray.remote(_Rank)
    ranks = [actor.options(num_cpus=0, num_gpus=gpus, scheduling_strategy=_there(node)).remote() for node in nodes]
    try:
        address, port = ray.get(ranks[0].address.remote(), timeout=NETWORK_SECONDS)
        runs = [each.run.remote(number, len(nodes), address, port, gpus) for number, each in enumerate(ranks)]
        seconds = max(ray.get(runs, timeout=NETWORK_SECONDS))
    except Exception as error:  # of Ray, gloo or NCCL, each with types of its own
        why = f"{names}: {first_line(error)}: these nodes must reach each other on every port"
        return Row("cluster", "all-reduce", False, why)
    finally:
        for each in ranks:
            ray.kill(each)
    # A ring sends each byte 2 (n - 1) / n times over each link.
    rate = 2 * (len(nodes) - 1) / len(nodes) * TENSOR_BYTES / seconds / 1e9
    said = f"{rate:.2f} GB/s a node" if len(nodes) > 1 else "one node, so no network"
    return Row("cluster", "all-reduce", True, f"{names}: {TENSOR_BYTES >> 20} MiB in {seconds:.3f} s, {said}")


class _Rank:
    """A process of the all-reduce, alone on its node."""

    def address(self) -> tuple[str, int]:
        """Where the others find rank 0."""
        import ray

        with socket.socket() as free:
            free.bind(("", 0))
            return ray.util.get_node_ip_address(), int(free.getsockname()[1])

    def run(self, rank: int, world: int, address: str, port: int, gpus: int) -> float:
        """Median seconds of an all-reduce, after one that is not counted."""
        from datetime import timedelta

        import torch
        from torch import distributed

        distributed.init_process_group(
            "nccl" if gpus else "gloo",
            init_method=f"tcp://{address}:{port}",
            rank=rank,
            world_size=world,
            timeout=timedelta(seconds=NETWORK_SECONDS / 2),
        )
        tensor = torch.ones(TENSOR_BYTES // 4, device="cuda" if gpus else "cpu")
        seconds: list[float] = []
        for _ in range(ROUNDS + 1):
            tensor.fill_(1)
            began = time.perf_counter()
            distributed.all_reduce(tensor)
            total = float(tensor[-1])  # waits for the device
            seconds.append(time.perf_counter() - began)
            if total != world:
                raise ValueError(f"an all-reduce of ones over {world} nodes gave {total}")
        distributed.destroy_process_group()
        return statistics.median(seconds[1:])
