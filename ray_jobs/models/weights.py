"""Checks a model's weights by the headers of its safetensors files, before they are downloaded or loaded.

transformers makes up missing weights at random and only warns; an engine refuses them after it has started.
"""

import json
import posixpath
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import fsspec

from ray_jobs.models.folders import base_folder, copy_folder, file_system
from w2s.data.location import locate
from w2s.recipe import Model
from w2s.store.objects.objects import PARALLEL, in_parallel

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
MAX_HEADER_BYTES = 100_000_000
"""The limit of the safetensors library."""
POINTER = b"version https://git-lfs"
ADD_PREFIX = ("BloomForCausalLM", "GPT2LMHeadModel", "OPTForCausalLM")
"""Architectures whose weights vLLM 0.32.0 finds without the prefix too, because published ones lack it."""
SAMPLE_BYTES = 1 << 16
TRIAL_BYTES = 4 << 20
"""Of each of the files that are fetched at once: 70B in 15 files come to 63 MB, half a minute at 2 MB/s."""
AGAIN = "fetch the whole folder of the model again"
Shapes = dict[str, list[int]]
"""Shapes of tensors, by name."""


class Stored(NamedTuple):
    """A tensor in a safetensors file."""

    shape: list[int]
    path: str
    start: int  # of its bytes in the file
    size: int  # in bytes


def check_weights(model: Model, folder: Path, blank: Any) -> None:
    """Check that the safetensors files of `model` hold the weights that its configuration describes, and no others.

    `folder` holds its configuration, and its weights unless it is a light copy; `blank` is its `meta_model`. Raises
    ValueError with the names.
    """
    import torch
    from transformers.utils import logging

    fs, root = _place(model, folder)
    files = [posixpath.join(root, name) for name in weight_files(folder, _sizes(fs, root))]
    stored = {
        name: tensor for header in in_parallel(lambda path: header_of(fs, path), files) for name, tensor in header
    }
    shapes = {name: tensor.shape for name, tensor in stored.items()}
    tensors = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)  # its report of the same findings has a line for every weight
    logging.disable_progress_bar()
    try:
        _, found = type(blank).from_pretrained(
            None,
            config=blank.config,
            state_dict=tensors,
            device_map={"": "meta"},
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except RuntimeError as error:  # weights that are merged when they are loaded, such as experts, do not fit together
        raise ValueError(
            f"its weights do not fit together ({type(error).__name__}), a part of some merged layer is missing: {AGAIN}"
        ) from error
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
    _check_prefix(shapes, blank)
    _check_names(shapes, sorted(found["missing_keys"]), sorted(found["unexpected_keys"]))
    if found["mismatched_keys"]:
        name, there, wanted = sorted(found["mismatched_keys"])[0]
        raise ValueError(
            f"{len(found['mismatched_keys'])} of its weights have other sizes than config.json says, such as {name} "
            f"with {list(there)} instead of {list(wanted)}: put the config.json that belongs to these weights there"
        )
    _check_tied(fs, stored, blank)


def _check_tied(fs: Any, stored: Mapping[str, "Stored"], blank: Any) -> None:
    """Check that a head which config.json ties to the embedding is the embedding in the files too.

    transformers then keeps a head that differs, and makes an embedding of a head that is alone; vLLM leaves the head
    out in both cases.
    """
    modules = {module: name for name, module in blank.named_modules()}
    inputs, outputs = blank.get_input_embeddings(), blank.get_output_embeddings()
    head = stored.get(f"{modules.get(outputs)}.weight")
    if head is None or not getattr(blank.config.get_text_config(), "tie_word_embeddings", False):
        return
    name, tail = f"{modules[outputs]}.weight", f"{modules[inputs].rpartition('.')[2]}.weight"
    tables = [tensor for other, tensor in stored.items() if other != name and other.endswith(tail)]
    way = "set tie_word_embeddings to false in config.json, or save the model again without it"
    if not tables:
        raise ValueError(
            f"config.json ties {name} to the embedding, which its files lack: training would make one of {name}, and "
            "the engine has none: load the model with transformers and save it with `save_pretrained`"
        )
    if len(tables) == 1 and tables[0].size == head.size and _differ(fs, head, tables[0]):
        raise ValueError(
            f"config.json ties {name} to the embedding, and its files hold another {name}: training would use it, and "
            f"the engine would not: {way}"
        )


def _differ(fs: Any, one: "Stored", other: "Stored") -> bool:
    """Whether two tensors of one size differ at their beginnings, middles or ends, as trained ones do."""
    starts = sorted({0, one.size // 2, max(one.size - SAMPLE_BYTES, 0)})

    def part(tensor: Stored, start: int) -> bytes:
        end = min(start + SAMPLE_BYTES, tensor.size)
        return fs.cat_file(tensor.path, start=tensor.start + start, end=tensor.start + end)

    return any(part(one, start) != part(other, start) for start in starts)


def weight_files(folder: Path, sizes: Mapping[str, int]) -> list[str]:
    """Names of the files that hold the weights, of the safetensors files in `sizes` (bytes, by name).

    Trainer and engine choose among several files by rules of their own, so there must be no choice.
    """
    if not (folder / INDEX).is_file():
        if SINGLE not in sizes:
            raise ValueError(f"it has neither {SINGLE} nor {INDEX}: write the folder with `save_pretrained`")
        if others := sorted(set(sizes) - {SINGLE}):
            raise ValueError(f"the engine would read {_some(others)} too, beside {SINGLE}: move them elsewhere")
        return [SINGLE]
    shards = _shards(folder)
    if missing := [shard for shard in shards if shard not in sizes]:
        raise ValueError(
            f"{len(missing)} of {len(shards)} files that {INDEX} names are missing ({_some(missing)}): {AGAIN}"
        )
    if SINGLE in sizes and SINGLE not in shards:
        raise ValueError(
            f"it has {SINGLE}, which training would read, and {INDEX}, whose files sampling would read: "
            "move one of the two elsewhere"
        )
    return shards


@dataclass(frozen=True)
class Absent:
    """Weights that a node has no copy of, in bytes, and the bytes a second at which a trial came; 0 without one."""

    size: int
    rate: float


def absent_weights(model: Model) -> Absent:
    """The weights that this node has no copy of; configuration and tokenizer are fetched, and the beginnings of files.

    Raises what `base_folder` and the file system raise, and ValueError where a file of the weights is missing.
    """
    light = base_folder(model, weights=False)
    fs, root = _place(model, light)
    sizes, whole = _sizes(fs, root), copy_folder(model) if _is_url(model) else light
    absent = [name for name in weight_files(light, sizes) if not (whole / name).is_file()]
    began = time.perf_counter()
    tried = [posixpath.join(root, name) for name in absent[:PARALLEL]]
    came = sum(in_parallel(lambda path: len(fs.cat_file(path, start=0, end=TRIAL_BYTES)), tried))
    rate = came / max(time.perf_counter() - began, 1e-6)
    return Absent(sum(sizes[name] for name in absent), rate)


def _shards(folder: Path) -> list[str]:
    """The files that the index in `folder` names."""
    try:
        index: dict[str, str] = json.loads((folder / INDEX).read_bytes())["weight_map"]
        return sorted(set(index.values()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"its {INDEX} has no readable weight_map ({type(error).__name__}): {AGAIN}") from error


def _is_url(model: Model) -> bool:
    return locate(model.name) is None and "://" in model.name


def _place(model: Model, folder: Path) -> tuple[Any, str]:
    """fsspec's file system that has all files of `model`, and the path on it.

    A hub's model is read where this node has it whole, because the node may be offline.
    """
    if _is_url(model):
        return file_system(model.name)
    files = _shards(folder) if (folder / INDEX).is_file() else [SINGLE]
    if locate(model.name) is not None or all((folder / name).is_file() for name in files):
        return fsspec.filesystem("file"), str(folder)
    from huggingface_hub import HfFileSystem

    return HfFileSystem(), f"{model.name}@{model.revision}" if model.revision else model.name


def header_of(fs: Any, path: str) -> Sequence[tuple[str, Stored]]:
    """The tensors in a safetensors file by name.

    The form is 8 bytes with the header's length, the header in JSON, then the tensors' bytes to the end of the file.
    """
    name = posixpath.basename(path)
    size, start = int(fs.info(path)["size"]), fs.cat_file(path, start=0, end=8 + 56)
    if start.startswith(POINTER):
        raise ValueError(f"{name} is a git-lfs pointer and no weights: run `git lfs pull` in the model's clone")
    length = int.from_bytes(start[:8], "little")
    if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
        raise ValueError(f"{name} with {size} bytes is no whole safetensors file: {AGAIN}")
    try:
        header: dict[str, Any] = json.loads(fs.cat_file(path, start=8, end=8 + length))
        header.pop("__metadata__", None)
        shapes = {tensor: list(map(int, entry["shape"])) for tensor, entry in header.items()}
        bounds = {tensor: tuple(map(int, entry["data_offsets"])) for tensor, entry in header.items()}
        end = max((stop for _, stop in bounds.values()), default=0)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{name} has no readable safetensors header ({type(error).__name__}): {AGAIN}") from error
    if 8 + length + end != size:
        raise ValueError(f"{name} has {size} bytes, and its header describes {8 + length + end}: {AGAIN}")
    return [
        (tensor, Stored(shapes[tensor], path, 8 + length + start, stop - start))
        for tensor, (start, stop) in bounds.items()
    ]


def _check_prefix(shapes: Shapes, blank: Any) -> None:
    """Check that no name lacks the prefix of the model's own names, which transformers adds and most engines do not.

    Models with vision parts have other names in their files than in memory, and in the engine too.
    """
    if blank.config.get_text_config() is not blank.config:
        return
    prefix, names = f"{blank.base_model_prefix}.", blank.state_dict().keys()
    bare = sorted(name for name in shapes if name not in names and f"{prefix}{name}" in names)
    if bare and type(blank).__name__ not in ADD_PREFIX:
        raise ValueError(
            f"the names of {len(bare)} of its weights, such as {bare[0]}, lack `{prefix}`, which training adds and the "
            "engine does not: load the model with transformers and save it with `save_pretrained`"
        )


def _check_names(shapes: Shapes, missing: Sequence[str], unexpected: Sequence[str]) -> None:
    if missing and unexpected:
        for prefix in sorted({unexpected[0].removesuffix(name) for name in missing if unexpected[0].endswith(name)}):
            if prefix.endswith(".") and all(name.startswith(prefix) for name in shapes):
                raise ValueError(
                    f"the names of its weights begin with `{prefix}`, which the model has not: save them without it "
                    "(a wrapper such as DDP or torch.compile put it there)"
                )
    if missing:
        also = f", and have {len(unexpected)} unknown ones such as {unexpected[0]}" if unexpected else ""
        raise ValueError(
            f"its files lack {len(missing)} weights of the model, such as {_some(missing)}{also}; transformers would "
            f"initialize them at random: {AGAIN}"
        )
    if unexpected:
        raise ValueError(
            f"{len(unexpected)} weights in its files are none of the model that config.json describes: "
            f"{_some(unexpected)}: put the config.json that belongs to these weights there, or save the model "
            "without them"
        )


def _sizes(fs: Any, root: str) -> dict[str, int]:
    """Bytes of the safetensors files in the folder, by name; those of folders in it are no part of the model."""
    files = {posixpath.basename(entry["name"]): entry for entry in fs.ls(root, detail=True)}
    return {name: int(entry["size"]) for name, entry in files.items() if fnmatch(name, "*.safetensors")}


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
