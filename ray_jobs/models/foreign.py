"""A LoRA adapter in a folder on this machine: which bytes it is, and whether an engine can take it."""

import hashlib
import json
from pathlib import Path
from typing import Any, cast

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
MAX_RANK = 512
"""The largest rank that vLLM 0.32.0 samples with."""


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
    if kind != "LORA" or config.get("use_dora") or config.get("modules_to_save") or not 1 <= rank <= MAX_RANK:
        raise ValueError(
            f"--adapter {name}: engines take plain LoRA of rank 1 to {MAX_RANK}, and it is peft_type={kind}, r={rank}"
            f"{', with DoRA' if config.get('use_dora') else ''}: merge it into its base and give the merged folder"
        )
    if revision is not None and adapter_revision(files) != revision:
        raise ValueError(f"--adapter {name}: its files have changed since the command began: run it again")
    return files


def adapter_revision(files: dict[str, bytes]) -> str:
    """The hash of an adapter's files."""
    lines = "".join(f"{name} {hashlib.sha256(files[name]).hexdigest()}\n" for name in ADAPTER_FILES)
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
