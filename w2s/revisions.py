"""Which bytes a name stands for: hub names to commits, files to content hashes, before anything is planned or run.

Not here: reading datasets (problems.py) and downloading models (ray_jobs/models.py).
"""
# pyright: reportMissingTypeStubs=false

import hashlib
import importlib.resources
import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from w2s.recipe import Experiment, Model, Recipe, Source
from w2s.store import Store

Value = TypeVar("Value")

DATA_SUFFIXES = (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".parquet")
"""What w2s reads itself; a name that ends so is a file, never a dataset of the hub."""
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json")
CHECK_URL = "check the URL, its credentials and that the package for its protocol is installed"
CHECKSUMS = ("ETag", "etag", "md5Hash", "Content-MD5", "blob_id")
"""Keys under which fsspec's file systems report a file's content; a modification time is none."""

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)


def identify(experiment: Experiment, store: Store, *, network: bool) -> Experiment:
    """The experiment with every `revision` that can be known filled in; explicit ones are kept.

    Package and local files: always hashed, so that an edit is noticed. Hub names: looked up once per store and read from its
    record ever after. URLs: hashed anew, and recorded, with `network`. Without it, what has no record stays None.

    Raises ValueError, naming the recipe's field, for what is not there, cannot be reached, or is no usable model folder, and
    for an explicit revision that is not of this name.
    """
    known: dict[tuple[str, str], str | None] = {}

    def revision(one: Model | Source, field: str) -> str | None:
        key = ("model" if isinstance(one, Model) else "dataset", one.name)
        if one.revision is not None:
            if why := _misfit(*key, one.revision):
                raise ValueError(f"{field}.revision={one.revision!r} does not fit {one.name!r}, {why}: --set {field}.revision=none")
            return one.revision
        if key not in known:
            try:
                known[key] = _resolve(*key, store, network)
            except ValueError as error:
                raise ValueError(f"{field}.name={one.name!r}: {error}") from error
        return known[key]

    def filled(value: Value, field: str) -> Value:
        if isinstance(value, Model | Source):
            known_as = {"revision": revision(value, field)}
            path = locate(value.name)
            if path is not None and "://" not in value.name and not value.name.startswith("package:"):
                known_as["name"] = str(path.absolute())  # workers have other working directories
            return value.model_copy(update=known_as)
        if isinstance(value, Recipe):
            prefix = f"{field}." if field else ""
            return value.model_copy(update={name: filled(getattr(value, name), prefix + name) for name in type(value).model_fields})
        return value

    return filled(experiment, "")


def is_hub_name(name: str) -> bool:
    """Whether `name` means the Hugging Face hub: exactly `owner/name` or `name`, no data file's name and no existing path."""
    return _HUB_NAME.fullmatch(name) is not None and not name.endswith(DATA_SUFFIXES) and not Path(name).exists()


def locate(name: str) -> Path | None:
    """The local path that a model's or source's name stands for, whether or not it exists; None for hub names and other URLs.

    Raises ValueError for a `package:` name whose module is not installed as files.
    """
    if name.startswith("package:"):
        module, _, folder = name.removeprefix("package:").partition("/")
        try:
            path = importlib.resources.files(module).joinpath(folder)
        except (ModuleNotFoundError, TypeError, ValueError) as error:
            raise ValueError(f"no Python package {module!r} here ({error}): install it, or give a folder's path") from error
        if not isinstance(path, Path):
            raise ValueError(f"the package {module!r} is not installed as plain files: unpack it, or give a folder's path")
        return path
    if name.startswith(("file://", "local://")):
        return Path(name.partition("://")[2])
    return None if "://" in name or is_hub_name(name) else Path(name).expanduser()


def source_files(name: str) -> tuple[Any, list[str], str]:
    """The files a source's name stands for: (fsspec file system, sorted paths, the folder they are relative to).

    Raises ValueError where there is none, or where the file system cannot be had.
    """
    local = locate(name)
    try:
        fs, path = _filesystem(name if local is None else str(local))
        matching: list[str] = [path] if fs.exists(path) else fs.glob(path)
        found = sorted(one for one in matching if not posixpath.basename(one).startswith(".") and fs.isfile(one))
    except Exception as error:  # every file system has errors of its own; the user's way out is the same
        raise ValueError(f"cannot be read ({type(error).__name__}: {error}): {CHECK_URL}") from error
    if not found and fs.isdir(path):
        raise ValueError("is a folder: give the files in it, like FOLDER/*.jsonl")
    if not found:
        raise ValueError("there is no such file: give a file or glob, here or at a URL that fsspec reads, or a hub name")
    if wrong := [one for one in found if not one.endswith(DATA_SUFFIXES)]:
        raise ValueError(f"{wrong[0]} ends in none of {', '.join(DATA_SUFFIXES)}: convert it, or narrow the glob")
    return fs, found, posixpath.dirname(path if found == [path] else re.split(r"[*?\[]", path)[0])


def _filesystem(url: str) -> tuple[Any, str]:
    import fsspec

    return fsspec.core.url_to_fs(url)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _misfit(kind: str, name: str, revision: str) -> str | None:
    """Why an explicit revision cannot be this name's; most likely one was changed by --set and not the other."""
    is_hash = revision.startswith("sha256:")
    if is_hub_name(name):
        return "which is of the hub and has commits" if is_hash else None
    if not is_hash:
        return None if "://" in name and revision in name else "which is not of the hub and has no commits"
    try:
        found = _hash_local(kind, name) if locate(name) is not None else None
    except ValueError:  # moved away: the store may hold all that was made from it
        return None
    return None if found in (None, revision) else f"whose files hash to {found}"


def _hash_local(kind: str, name: str) -> str:
    path = locate(name)
    assert path is not None
    return _hash_folder(path) if kind == "model" else _hash_files(name)


def _resolve(kind: str, name: str, store: Store, network: bool) -> str | None:
    if locate(name) is not None:
        return _hash_local(kind, name)
    recorded = _recorded(store, kind, name)
    if not network or (recorded is not None and is_hub_name(name)):
        return recorded
    if is_hub_name(name):
        store.create(_record_path(store, kind, name), _record(name, _hub_commit(kind, name)))
        return _recorded(store, kind, name)
    found = _hash_url_folder(name) if kind == "model" else _hash_files(name)
    if found != recorded:
        store.write(_record_path(store, kind, name), _record(name, found))
    return found


def _record_path(store: Store, kind: str, name: str) -> str:
    return store.path("revisions", f"{hashlib.sha256(f'{kind} {name}'.encode()).hexdigest()}.json")


def _record(name: str, revision: str) -> bytes:
    return json.dumps({"name": name, "revision": revision}).encode()


def _recorded(store: Store, kind: str, name: str) -> str | None:
    path = _record_path(store, kind, name)
    try:
        return str(json.loads(store.read(path))["revision"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"its record {path} cannot be read: delete that file to have it looked up again") from error


def _hub_commit(kind: str, name: str) -> str:
    """The commit a hub name stands for now."""
    from huggingface_hub import HfApi

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


def first_line(error: BaseException) -> str:
    """The error's kind and the first line it says."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no message'])[0]}"


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
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash_url_folder(name: str) -> str:
    try:
        fs, path = _filesystem(name)
        found: dict[str, Mapping[str, Any]] = fs.find(path, detail=True)
    except Exception as error:  # every file system has errors of its own; the user's way out is the same
        raise ValueError(f"cannot be listed ({type(error).__name__}: {error}): {CHECK_URL}") from error
    visible = {relative: one for one in found if not _is_hidden(relative := posixpath.relpath(one, path))}
    if not visible:
        raise ValueError("there is nothing at this URL: a model is a folder in Hugging Face form")
    _check_model_files(visible)
    return _digest({relative: _fingerprint(fs, one, found[one]) for relative, one in visible.items()})


def _hash_files(name: str) -> str:
    """Content hash of a source's files, under their paths relative to the part of the name without wildcards."""
    fs, paths, root = source_files(name)
    if locate(name) is not None:
        return _digest({posixpath.relpath(path, root): _hash_file(Path(path)) for path in paths})
    return _digest({posixpath.relpath(path, root): _fingerprint(fs, path, fs.info(path)) for path in paths})


def _fingerprint(fs: Any, path: str, info: Mapping[str, Any]) -> str:
    """Size and checksum as the file system reports them; the content's own hash where it reports no checksum."""
    checksums = [f"{key}={info[key]}" for key in CHECKSUMS if info.get(key)]
    return " ".join([str(info.get("size")), *checksums]) if checksums else hashlib.sha256(fs.cat_file(path)).hexdigest()


def _digest(content: Mapping[str, str]) -> str:
    lines = "".join(f"{path}\0{content[path]}\n" for path in sorted(content))
    return f"sha256:{hashlib.sha256(lines.encode('utf-8', 'surrogateescape')).hexdigest()}"


def _is_hidden(relative: str) -> bool:
    """Version control's, the hub cache's and Python's own files are no part of a model."""
    return any(part.startswith(".") or part == "__pycache__" for part in relative.split("/"))


def _check_model_files(files: Iterable[str]) -> None:
    names = set(files)
    if "config.json" not in names:
        raise ValueError("no config.json in it: give the folder that `save_pretrained` wrote")
    if not names & set(TOKENIZER_FILES):
        raise ValueError(f"no tokenizer in it (one of {', '.join(TOKENIZER_FILES)}): save the model's tokenizer into the same folder")
    if not any(name.endswith(".safetensors") for name in names):
        raise ValueError("no *.safetensors in it: save the weights so; pickled ones (.bin, .pt) are refused, loading them can run code")
