"""A LoRA adapter's folder: whether its files are one, whether an engine can take it, and its base loaded with it."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, cast

import fsspec

from ray_jobs.models.folders import base_folder, trained_folder
from ray_jobs.models.weights import header_of
from w2s.errors import first_line
from w2s.graph.step import Table
from w2s.recipe import Model
from w2s.store.store import Store

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


def trained_adapter(store: Store, table: Table) -> Path:
    """The adapter of a finished step as a local folder whose files were looked at, so that it can be loaded.

    Raises ValueError if its configuration is not LoRA's or its weights are not whole.
    """
    folder = trained_folder(store, table)
    directory = store.objects.path(table.step.directory)
    name = f"the adapter of step {table.step.name} in {directory}"
    way = f"remove the copy {folder}; if that does not help, remove {directory} and run the experiment again"
    for file in ADAPTER_FILES:
        if not (folder / file).is_file():
            raise ValueError(f"{name}: its copy {folder} has no {file}: {way}")
    adapter_config(name, (folder / ADAPTER_FILES[0]).read_bytes(), way)
    try:
        header_of(fsspec.filesystem("file"), str(folder / ADAPTER_FILES[1]))
    except ValueError as error:
        raise ValueError(f"{name}: {error}; {way}") from error
    return folder


def load_model(model: Model, adapter: Path | None = None, whole: Path | None = None) -> Any:
    """The base or the `whole` trained model in its folder, in its own dtype, loaded by transformers, with the
    `trained_adapter` that PEFT adds to it.

    Raises ValueError where the base cannot be loaded.
    """
    os.environ.setdefault("DS_ACCELERATOR", "cpu")  # else DeepSpeed, which PEFT imports, warns on standard output
    from peft import PeftModel
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    folder = whole or base_folder(model)
    try:
        base: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype="auto", trust_remote_code=False, use_safetensors=True
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ValueError(
            f"{model.name} cannot be loaded ({first_line(error)}): put the whole model there again ({folder})"
        ) from error
    return PeftModel.from_pretrained(base, str(adapter)) if adapter else base


def adapter_config(name: str, data: bytes, way: str) -> dict[str, Any]:
    """The fields of an adapter_config.json.

    Raises ValueError, which begins with `name` and ends with `way`, unless they are those of a LoRA adapter.
    """
    try:
        config = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{name}: its adapter_config.json is not JSON in UTF-8 ({first_line(error)}): {way}"
        ) from error
    fields = cast("dict[str, Any]", config) if isinstance(config, dict) else {}
    kind, rank = fields.get("peft_type"), fields.get("r")
    if kind != "LORA" or type(rank) is not int or rank < 1:
        raise ValueError(
            f"{name}: its adapter_config.json must be that of a LoRA adapter and has peft_type={kind!r}, r={rank!r}: "
            f"{way}"
        )
    return fields


def read_adapter(name: str, revision: str | None = None) -> dict[str, bytes]:
    """The files of an adapter by name.

    Raises ValueError for a folder that is no LoRA adapter in safetensors, and where the files are not `revision`.
    """
    folder, option = Path(name).expanduser(), f"--adapter {name}"
    if missing := [file for file in ADAPTER_FILES if not (folder / file).is_file()]:
        raise ValueError(
            f"{option}: no {missing[0]} there: give the folder that PEFT's save_pretrained or `w2s export` "
            "wrote; pickled weights (.bin) are refused, loading them can run code"
        )
    files = {file: (folder / file).read_bytes() for file in ADAPTER_FILES}
    way = "save the adapter again with PEFT, or merge it into its base and give the merged folder"
    config = adapter_config(option, files["adapter_config.json"], way)
    more = [field for field in NOT_PLAIN if config.get(field)]
    start = config.get("init_lora_weights")
    more += ["init_lora_weights"] if isinstance(start, str) and start.lower().startswith(CHANGES_BASE) else []
    if more or config["r"] > MAX_RANK:
        raise ValueError(
            f"{option}: engines take plain LoRA of rank 1 to {MAX_RANK}, and it is r={config['r']}"
            f"{', with ' + ', '.join(more) if more else ''}: merge it into its base and give the merged folder"
        )
    if revision is not None and adapter_revision(files) != revision:
        raise ValueError(f"{option}: its files have changed since the command began: run it again")
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
