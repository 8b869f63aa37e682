"""Free memory of a node's GPUs, by nvidia-smi: engines take a share of all memory, so what others hold is missing."""

import subprocess
from collections import defaultdict
from dataclasses import dataclass
from functools import partial

from ray_jobs.cluster.checks import Row

GPUS = "--query-gpu=uuid,index,name,memory.used,memory.total"
HOLDERS = "--query-compute-apps=gpu_uuid,pid,process_name,used_memory"
SECONDS = 60
"""nvidia-smi starts the driver of a GPU that nobody uses, for some seconds each."""
IDLE_MIB = 1024
"""What the driver, or a desktop, holds of a GPU that is free for us."""


@dataclass(frozen=True)
class Found:
    """What nvidia-smi printed on a node, or why it printed nothing."""

    gpus: str = ""
    holders: str = ""
    why: str = ""


def ask() -> Found:
    """Runs on the node."""
    try:
        return Found(*(_nvidia_smi(query) for query in (GPUS, HOLDERS)))
    except (OSError, subprocess.SubprocessError) as error:
        return Found(why=f"nvidia-smi fails ({error})")


def _nvidia_smi(query: str) -> str:
    command = ["nvidia-smi", query, "--format=csv,noheader,nounits"]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True).stdout


def judge(row: "partial[Row]", found: Found, share: float) -> Row:
    """The row of a node on which engines or workers take the `share` of each GPU's memory."""
    lines = [line.split(", ") for line in found.gpus.splitlines() if line.strip()]
    if found.why or not lines:
        why = found.why or "nvidia-smi shows no GPU"
        return row("GPU memory", False, f"{why}: install NVIDIA's driver there, or start the container with its GPUs")
    held: list[str] = []
    used: list[float] = []
    try:
        for uuid, index, _, taken, total in lines:
            used.append(float(taken) / 1024)
            if float(taken) > max(IDLE_MIB, (1 - share) * float(total)):
                who = _holders(found.holders).get(uuid, "processes that are not shown here, outside of this container")
                held.append(f"GPU {index} has {used[-1]:.1f} of {float(total) / 1024:.1f} GiB used, by {who}")
        size = min(float(line[-1]) for line in lines) / 1024
    except ValueError:  # "[N/A]", or another number of columns
        return row("GPU memory", False, f"nvidia-smi says {found.gpus.splitlines()[0]!r}: a GPU without a memory size")
    if held:
        return row("GPU memory", False, f"{'; '.join(held)}: end it, or wait for the run that it belongs to")
    return row("GPU memory", True, f"{len(lines)} x {lines[0][2]}: {max(used):.1f} of {size:.1f} GiB used at most")


def _holders(text: str) -> dict[str, str]:
    """The processes on each GPU, by its UUID."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in text.splitlines():
        uuid, pid, *name = line.split(", ")
        found[uuid].append(f"process {pid} ({', '.join(name[:-1])})")
    return {uuid: " and ".join(processes) for uuid, processes in found.items()}
