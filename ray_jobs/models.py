"""Model folders on this node: bases from a package, a folder, a URL or the hub; adapters from the store."""

import hashlib
import os
import posixpath
import tempfile
from fnmatch import fnmatch
from pathlib import Path

import fsspec

from w2s.recipe import Model
from w2s.revisions import locate
from w2s.step import Table
from w2s.store import Store


def cache_folder() -> Path:
    """Where this node keeps copies of models: `W2S_CACHE`, else `w2s-USER` in the temporary folder.

    Raises ValueError where others could write into it.
    """
    folder = Path(os.environ.get("W2S_CACHE") or Path(tempfile.gettempdir()) / f"w2s-{os.getuid()}")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (found := folder.stat()).st_uid != os.getuid() or found.st_mode & 0o022:
        raise ValueError(f"{folder} can be written by others, who could plant models there: set W2S_CACHE to a folder of your own")
    return folder


def base_folder(model: Model, weights: bool = True) -> Path:
    """The base model as a local folder, downloaded where it must be; without `weights` only configuration and tokenizer are.

    Raises ValueError where it cannot be found or fetched.
    """
    if (folder := locate(model.name)) is not None:
        return folder
    patterns = ["*.json", "*.model", "*.jinja", *(["*.safetensors"] if weights else [])]
    if "://" not in model.name:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(model.name, revision=model.revision, allow_patterns=patterns))
    key = hashlib.sha256(f"{model.name}@{model.revision}".encode()).hexdigest()[:16]
    folder = cache_folder() / f"base-{key}{'' if weights else '-light'}"
    if not folder.exists():
        fs, root = fsspec.core.url_to_fs(model.name)
        temporary = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
        for path in fs.ls(root, detail=False):
            if any(fnmatch(path, pattern) for pattern in patterns):
                fs.get_file(path, f"{temporary}/{path.rsplit('/', 1)[-1]}")
        if not folder.exists():
            temporary.rename(folder)
    return folder


def context_limit(folder: Path) -> int:
    """Tokens of context the model in `folder` takes."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, trust_remote_code=False).get_text_config()
    return int(getattr(config, "max_position_embeddings", 2**31))


def adapter_folder(store: Store, table: Table) -> Path:
    """A trained adapter as a local folder; its name holds a hash of the files, so that other weights have another path."""
    content = "".join(f"{posixpath.basename(file.path)} {file.sha256}\n" for file in store.files(table))
    return store.fetch(table, cache_folder() / f"adapter-{hashlib.sha256(content.encode()).hexdigest()[:16]}")
