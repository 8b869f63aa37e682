"""A LoRA adapter in a folder on this machine: which bytes it is, and whether an engine can take it."""

import hashlib
import json
from pathlib import Path
from typing import Any, cast

import fsspec

from ray_jobs.models.weights import header_of

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
MAX_RANK = 512
"""The largest rank that vLLM 0.32.0 samples with."""
NOT_PLAIN = (
    "use_dora", "modules_to_save", "lora_bias", "rank_pattern", "target_parameters", "trainable_token_indices",
    "alora_invocation_tokens", "layer_replication", "use_bdlora", "use_qalora",
)  # fmt: skip
"""Fields of PEFT 0.21 that, where set, make of an adapter what vLLM 0.32.0 refuses, ignores or was not tried with."""
CHANGES_BASE = ("pissa", "olora", "corda", "loftq")
"""Values of `init_lora_weights` that also change the weights of the base when PEFT loads the adapter."""


def read_adapter(name: str, revision: str | None = None) -> dict[str, bytes]:
    """The files of an adapter by name.

    Raises ValueError for a folder that is no LoRA adapter in safetensors, and where the files are not `revision`.
    """
    folder = Path(name).expanduser()
    if missing := [file for file in ADAPTER_FILES if not (folder / file).is_file()]:
        raise ValueError(
            f"--adapter {name}: no {missing[0]} there: give the folder that PEFT's save_pretrained or `w2s export` "
            "wrote; pickled weights (.bin) are refused, loading them can run code"
        )
    files = {file: (folder / file).read_bytes() for file in ADAPTER_FILES}
    try:
        config = cast("dict[str, Any]", dict(json.loads(files["adapter_config.json"])))
        kind, rank = config.get("peft_type"), int(config["r"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"--adapter {name}: its adapter_config.json cannot be read ({error!r})") from error
    more = [field for field in NOT_PLAIN if config.get(field)]
    start = config.get("init_lora_weights")
    more += ["init_lora_weights"] if isinstance(start, str) and start.lower().startswith(CHANGES_BASE) else []
    if kind != "LORA" or more or not 1 <= rank <= MAX_RANK:
        raise ValueError(
            f"--adapter {name}: engines take plain LoRA of rank 1 to {MAX_RANK}, and it is peft_type={kind}, r={rank}"
            f"{', with ' + ', '.join(more) if more else ''}: merge it into its base and give the merged folder"
        )
    if revision is not None and adapter_revision(files) != revision:
        raise ValueError(f"--adapter {name}: its files have changed since the command began: run it again")
    return files


def adapter_shapes(name: str) -> dict[str, list[int]]:
    """Shapes of an adapter's tensors by name, from the header of its file.

    Raises ValueError where it is no whole safetensors file.
    """
    path = Path(name).expanduser() / "adapter_model.safetensors"
    try:
        return {tensor: stored.shape for tensor, stored in header_of(fsspec.filesystem("file"), str(path))}
    except ValueError as error:
        raise ValueError(f"--adapter {name}: {error}") from error


def adapter_revision(files: dict[str, bytes]) -> str:
    """The hash of an adapter's files."""
    lines = "".join(f"{name} {hashlib.sha256(files[name]).hexdigest()}\n" for name in ADAPTER_FILES)
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
