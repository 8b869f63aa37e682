"""What vLLM supports of an architecture, asked in a process of its own.

Importing vLLM and a model's code takes many seconds and much memory, so a node keeps the answers.
"""

import json
import re
import subprocess
import sys
from dataclasses import asdict, dataclass

from ray_jobs.models.folders import cache_folder
from ray_jobs.runtime.versions import versions
from w2s.errors import first_line

SECONDS = 300
"""Limit for the answer."""


@dataclass(frozen=True, slots=True)
class Support:
    """The engine's support for one architecture."""

    lora: bool
    error: str
    """Why the engine cannot load it; empty if it can."""


def engine_support(architecture: str) -> Support:
    """The support for a name of config.json's `architectures`; a node asks once for each version of vLLM.

    Raises ValueError where vLLM itself does not start.
    """
    if re.fullmatch(r"\w{1,100}", architecture) is None:
        return Support(False, "which is no name of an architecture")
    build = "-".join(f"{name}-{version}" for name, version in versions().items() if name.startswith("vllm"))
    file = cache_folder() / f"engine-{build}-{architecture}.json"
    if file.is_file():
        return Support(**json.loads(file.read_bytes()))
    command = [sys.executable, "-m", __name__, architecture]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"vLLM did not start within {SECONDS} seconds on this machine: run again") from error
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ValueError(f"vLLM does not start on this machine ({last}): install this project's locked packages again")
    support = Support(**json.loads(lines[-1]))  # before it, the lines that vLLM prints
    if not support.error:  # an error may go away with a package that is installed later
        temporary = file.with_suffix(".tmp")
        temporary.write_text(lines[-1])
        temporary.replace(file)
    return support


def ask(architecture: str) -> Support:
    """The answer of vLLM's registry, in this process."""
    import transformers
    from vllm.model_executor.models.interfaces import supports_lora
    from vllm.model_executor.models.registry import ModelRegistry

    known = ModelRegistry.models.get(architecture)
    if known is None:  # vLLM then runs transformers' own code, if that calls attention as vLLM wants
        kind = getattr(transformers, architecture, None)
        if kind is None or not kind.is_backend_compatible():
            return Support(False, "it has no such architecture")
        known = ModelRegistry.models["TransformersForCausalLM"]
    try:
        return Support(supports_lora(known.load_model_cls()), "")
    except Exception as error:  # whatever the import of a model's code raises, such as a package that is missing
        return Support(False, first_line(error))


if __name__ == "__main__":
    print(json.dumps(asdict(ask(sys.argv[1]))))
