"""One place has one spelling, so that two commands mean one store."""

import errno
from pathlib import Path

import pytest

from w2s.store.store import Store


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("runs", "HERE/runs"),
        ("./runs/", "HERE/runs"),
        ("runs//a", "HERE/runs/a"),
        ("HERE/other/../runs", "HERE/runs"),
        ("LINK/../runs", "HERE/far/runs"),  # as the file system has it, not as text
        ("file://HERE/runs/", "HERE/runs"),
        ("s3://bucket/runs/", "s3://bucket/runs"),
        ("s3://bucket/", "s3://bucket"),
        ("memory://runs//", "memory://runs"),
    ],
)
def test_a_place_has_one_spelling(given: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "far/away").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far/away")
    given = given.replace("HERE", str(tmp_path)).replace("LINK", str(tmp_path / "link"))
    assert Store.at(given).objects.url == place.replace("HERE", str(tmp_path))


@pytest.mark.parametrize("url", ["s3://bucket//runs", "s3://bucket/runs/../other", "s3://bucket/./runs"])
def test_a_url_that_is_another_place_than_it_looks_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="between slashes: write it without"):
        Store.at(url)


@pytest.mark.parametrize("url", ["", " ", "file://"])
def test_an_empty_place_is_not_the_current_folder(url: str) -> None:
    with pytest.raises(ValueError, match="names no folder: give one"):
        Store.at(url)


def test_a_full_store_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        path.touch()  # as a file whose first bytes still had room
        raise OSError(errno.ENOSPC, "No space left on device")

    objects = Store.at(str(tmp_path)).objects
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=f"the store {tmp_path} is full: make room there, then run again"):
        objects.write(objects.path("steps", "a"), b"1")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [], "nothing is left of the attempt"
