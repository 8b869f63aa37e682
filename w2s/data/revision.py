"""Which bytes a name stands for: content hashes of files and folders, commits of the hub."""

import hashlib
import json
import os
import posixpath
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from w2s.data.location import CHECK_URL, cache_folder, filesystem_of, is_hub_name, locate, recall, remember
from w2s.data.readers.folders import source_files
from w2s.data.readers.formats import format_of
from w2s.errors import first_line
from w2s.recipe import Model, Source

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json")


CHECKSUMS = ("ETag", "etag", "md5Hash", "Content-MD5", "blob_id")
"""Keys under which fsspec's file systems report a file's content; a modification time is none."""

LARGE = 256 << 20
"""Bytes of a file whose hash is remembered, because every run and plan asks for it, and 140 GB take minutes to read."""
SETTLED_SECONDS = 2.0
"""Age of a file's last change from which a later change has another time, on any file system."""


def misfit(named: Model | Source, revision: str) -> str | None:
    """Why an explicit revision cannot be this name's; most likely one was changed by --set and not the other."""
    is_hash = revision.startswith("sha256:")
    if is_hub_name(named.name):
        return "which is of the hub and has commits" if is_hash else None
    if not is_hash:
        return None if "://" in named.name and revision in named.name else "which is not of the hub and has no commits"
    try:
        files_hash = hash_local(named) if locate(named.name) is not None else None
    except ValueError:  # moved away: the store may hold all that was made from it
        return None
    return None if files_hash in (None, revision) else f"whose files hash to {files_hash}"


def hash_local(named: Model | Source) -> str:
    """Content hash of a model's folder or a source's files on this machine."""
    if isinstance(named, Source):
        return hash_files(named)
    path = locate(named.name)
    assert path is not None
    return _hash_folder(path)


def hash_url(named: Model | Source) -> str:
    """Content hash of a model's folder or a source's files at a URL."""
    return hash_files(named) if isinstance(named, Source) else _hash_url_folder(named.name)


def record_name(named: Model | Source) -> str:
    """The name under which a store keeps a revision; a folder's splits have revisions of their own."""
    if isinstance(named, Source) and "://" in named.name and format_of(named.name) is None:
        return f"{named.name}#{named.split}"
    return named.name


def hub_commit(named: Model | Source) -> str:
    """The commit a hub name stands for now."""
    from huggingface_hub import HfApi

    kind, name = "model" if isinstance(named, Model) else "dataset", named.name
    try:
        info = HfApi().model_info(name, timeout=30) if kind == "model" else HfApi().dataset_info(name, timeout=30)
    except Exception as error:  # unknown, gated, offline, timed out: the user's choices are the same
        raise ValueError(
            f"not found on the Hugging Face hub, or the hub cannot be reached ({first_line(error)}): "
            f"check the name, log in with HF_TOKEN for a gated {kind}, or give a folder, file or URL instead"
        ) from error
    if kind == "model":
        _check_model_files([sibling.rfilename for sibling in info.siblings or ()])
    if info.sha is None:
        raise ValueError("the hub gives no commit for it: set `revision` beside `name`")
    return info.sha


def _hash_folder(folder: Path) -> str:
    """Content hash of a model folder, after a check that it is one."""
    if not folder.is_dir():
        problem = "is a file" if folder.exists() else f"there is no folder {folder}"
        raise ValueError(f"{problem}: a model is a folder in Hugging Face form, an fsspec URL of one, or a hub name")
    relative = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    visible = {name: path for name, path in relative.items() if not _is_hidden(name)}
    _check_model_files(visible)
    with ThreadPoolExecutor(4) as pool:  # hashlib lets go of the interpreter's lock
        return _digest(dict(zip(visible, pool.map(_hash_file, visible.values()), strict=True)))


def _hash_file(path: Path) -> str:
    """SHA-256 of a file. A large one's is remembered until its size, inode or times change."""
    state = _state(path)
    if state["size"] < LARGE:
        return _digest_file(path)
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]
    file = cache_folder() / f"hash-{name}.json"
    if (remembered := recall(file)) and remembered["state"] == state:
        return str(remembered["sha256"])
    digest = _digest_file(path)
    if _state(path) == state and time.time() - state["changed"] / 1e9 > SETTLED_SECONDS:
        remember(file, json.dumps({"state": state, "sha256": digest}))
    return digest


def _state(path: Path) -> dict[str, int]:
    """What differs after a change; no program can set `changed`, as some do `modified`."""
    status = path.stat()
    times = {"modified": status.st_mtime_ns, "changed": status.st_ctime_ns}
    return {"size": status.st_size, "device": status.st_dev, "inode": status.st_ino, **times}


def _digest_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash_url_folder(name: str) -> str:
    try:
        fs, path = filesystem_of(name)
        files: dict[str, Mapping[str, Any]] = fs.find(path, detail=True)
    except Exception as error:  # every file system has errors of its own; the user's way out is the same
        raise ValueError(f"cannot be listed ({first_line(error)}): {CHECK_URL}") from error
    visible = {relative: file for file in files if not _is_hidden(relative := posixpath.relpath(file, path))}
    if not visible:
        raise ValueError("there is nothing at this URL: a model is a folder in Hugging Face form")
    _check_model_files(visible)
    return _digest({relative: _fingerprint(fs, file, files[file]) for relative, file in visible.items()})


def hash_files(source: Source) -> str:
    """Content hash of a source's files, under their paths relative to its folder or to its name before wildcards."""
    fs, paths, root = source_files(source)
    if locate(source.name) is not None:
        return _digest({posixpath.relpath(path, root): _hash_file(Path(path)) for path in paths})
    return _digest({posixpath.relpath(path, root): _fingerprint(fs, path, fs.info(path)) for path in paths})


def _fingerprint(fs: Any, path: str, info: Mapping[str, Any]) -> str:
    """Size and checksums that the file system reports; without a checksum, SHA-256 of the content."""
    checksums = [f"{key}={info[key]}" for key in CHECKSUMS if info.get(key)]
    return " ".join([str(info.get("size")), *checksums]) if checksums else hashlib.sha256(fs.cat_file(path)).hexdigest()


def _digest(content: Mapping[str, str]) -> str:
    lines = "".join(f"{path}\0{content[path]}\n" for path in sorted(content))
    return f"sha256:{hashlib.sha256(lines.encode('utf-8', 'surrogateescape')).hexdigest()}"


def _is_hidden(relative: str) -> bool:
    """Version control's, the hub cache's and Python's own files are no part of a model."""
    return any(part.startswith(".") or part == "__pycache__" for part in relative.split("/"))


def check_no_adapter(names: Collection[str]) -> None:
    """Refuse a model's folder, given as the names of its files, that is or holds a PEFT adapter.

    transformers applies an adapter that lies beside weights, and vLLM does not.
    """
    if "adapter_config.json" not in names:
        return
    way = "merge it into its base (PEFT: merge_and_unload, then save_pretrained) and give the merged model's folder"
    if "config.json" not in names:
        raise ValueError(f"it is an adapter and not a whole model: {way}")
    raise ValueError(
        f"adapter_config.json lies beside the whole model: training would apply the adapter, and sampling would not: "
        f"{way}, or move the adapter's files elsewhere"
    )


def _check_model_files(files: Iterable[str]) -> None:
    names = set(files)
    check_no_adapter(names)
    if "config.json" not in names:
        raise ValueError("no config.json in it: give the folder that `save_pretrained` wrote")
    if not names & set(TOKENIZER_FILES):
        raise ValueError(
            f"no tokenizer in it (one of {', '.join(TOKENIZER_FILES)}): save the model's tokenizer into the same folder"
        )
    if not any(name.endswith(".safetensors") for name in names):
        raise ValueError(
            "no *.safetensors in it: save the weights so; "
            "pickled ones (.bin, .pt) are refused, loading them can run code"
        )
