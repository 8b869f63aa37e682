"""Hashes of large files are remembered, and forgotten with each change that a file system shows."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from w2s.data import revision
from w2s.data.revision import hash_local
from w2s.recipe import Model, Source


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Names of the files whose bytes were read; all files count as large and as settled."""
    names: list[str] = []
    digest = hashlib.file_digest

    def noted(file: Any, method: str) -> Any:
        names.append(Path(file.name).name)
        return digest(file, method)

    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(revision, "LARGE", 1)
    monkeypatch.setattr(revision, "SETTLED_SECONDS", -1.0)
    monkeypatch.setattr(hashlib, "file_digest", noted)
    return names


def hashed(path: Path) -> str:
    return hash_local(Source(name=str(path)))


def rewrite_with_old_time(path: Path) -> None:
    """In place, with as many bytes, and with the old modification time, as rsync --times leaves it."""
    times = path.stat()
    path.write_bytes(b"other")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def replace(path: Path) -> None:
    (path.parent / "new").write_bytes(b"other")
    (path.parent / "new").replace(path)


@pytest.mark.parametrize(
    ("change", "changes"),
    [
        (lambda path: None, False),
        (rewrite_with_old_time, True),
        (replace, True),
        (lambda path: path.write_bytes(b"longer content"), True),
    ],
    ids=["none", "in place", "replaced", "longer"],
)
def test_a_change_is_seen(change: Callable[[Path], Any], changes: bool, read: list[str], tmp_path: Path) -> None:
    (path := tmp_path / "rows.jsonl").write_bytes(b"bytes")
    first = hashed(path)
    assert hashed(path) == first and read == ["rows.jsonl"]
    change(path)
    second = hashed(path)
    assert hashed(path) == second and len(read) == 1 + changes and (second != first) == changes


@pytest.mark.parametrize("left", [b"", b'{"state": {"si', b"\xff\x00"])
def test_a_damaged_memory_is_none(left: bytes, read: list[str], tmp_path: Path) -> None:
    (path := tmp_path / "rows.jsonl").write_bytes(b"bytes")
    first = hashed(path)
    (file,) = (tmp_path / "cache").glob("hash-*.json")
    file.write_bytes(left)
    assert hashed(path) == hashed(path) == first and len(read) == 2


def test_a_model_s_files_are_read_once(read: list[str], tmp_path: Path) -> None:
    (folder := tmp_path / "model").mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_text(name)
    model = Model(name=str(folder), revision=None)
    assert hash_local(model) == hash_local(model) and len(read) == 3


@pytest.mark.parametrize(("field", "value"), [("SETTLED_SECONDS", 60.0), ("LARGE", 1000)])
def test_a_file_that_is_small_or_has_just_changed_is_read_again(
    field: str, value: float, read: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second change in the same tick of a file system's clock would not be seen."""
    (path := tmp_path / "rows.jsonl").write_bytes(b"bytes")
    monkeypatch.setattr(revision, field, value)
    assert hashed(path) == hashed(path) and len(read) == 2
