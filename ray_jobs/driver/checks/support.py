"""What vLLM supports of an architecture, asked in a process of its own.

Importing vLLM and a model's code takes many seconds and much memory, so a node keeps the answers.
"""

import json
import re
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

from ray_jobs.runtime.versions import versions
from w2s.data.location import cache_folder, recall, remember
from w2s.errors import first_line

SECONDS = 300
"""Limit for the answer."""


@dataclass(frozen=True, slots=True)
class Support:
    """The engine's support for one architecture."""

    lora: bool
    error: str
    """Why the engine cannot load it; empty if it can."""
    merged: list[str] = field(default_factory=list[str])
    """Names of layers that the engine makes of several, each with an adapter of its own; an adapter of the whole layer,
    as GLM-4's gate_up_proj has, is refused."""


class Question:
    """The question what the engine supports of an architecture, a name of config.json's `architectures`.

    A process answers it while other checks run, and ends with the context at the latest. A node asks once for each
    version of vLLM.
    """

    def __init__(self, architecture: str) -> None:
        self.architecture = architecture
        build = "-".join(f"{name}-{version}" for name, version in versions().items() if name.startswith("vllm"))
        self._file = cache_folder() / f"support-{build}-{architecture}.json"
        self._process: subprocess.Popen[str] | None = None
        self._is_name = re.fullmatch(r"\w{1,100}", architecture) is not None
        self._known: Any = recall(self._file) if self._is_name else None
        if self._is_name and not self._known:
            command = [sys.executable, "-m", __name__, architecture]
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> "Question":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            with self._process:  # closes its pipes
                self._process.kill()

    def answer(self) -> Support:
        """The engine's support. Raises ValueError where vLLM itself does not start."""
        if not self._is_name:
            return Support(False, "which is no name of an architecture")
        if self._process is None:
            return Support(**self._known)
        try:
            out, err = self._process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired as error:
            raise ValueError(f"vLLM did not start within {SECONDS} seconds on this machine: run again") from error
        lines = out.splitlines()
        if self._process.returncode or not lines:
            last = (err.strip().splitlines() or ["no message"])[-1]
            raise ValueError(
                f"vLLM does not start on this machine ({last}): install this project's locked packages again"
            )
        support = Support(**json.loads(lines[-1]))  # before it, the lines that vLLM prints
        if not support.error:  # an error may go away with a package that is installed later
            remember(self._file, lines[-1])
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
        model = known.load_model_cls()
        packed: dict[str, list[str]] = getattr(model, "packed_modules_mapping", None) or {}
        parts = {part for names in packed.values() for part in names}
        return Support(supports_lora(model), "", sorted(packed.keys() - parts))
    except Exception as error:  # whatever the import of a model's code raises, such as a package that is missing
        return Support(False, first_line(error))


if __name__ == "__main__":
    print(json.dumps(asdict(ask(sys.argv[1]))))
