"""Folders of data: what `save_to_disk` wrote, a dataset's clone, files named after splits."""

import json
import shutil
from pathlib import Path
from typing import Any

import datasets
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from w2s.data.revision import hash_local, hash_url, record_name
from w2s.data.rows import read_rows
from w2s.recipe import Source

CONFIGS = """---
configs:
- config_name: main
  default: true
  data_files:
  - split: train
    path: main/tr*.parquet
  - split: test
    path: main/te*.parquet
- config_name: socratic
  data_files: socratic/*.parquet
---
# A dataset
"""


def rows(text: str, count: int = 3) -> list[dict[str, Any]]:
    return [{"question": f"{text} {n}", "answer": n, "image": b"pixels"} for n in range(count)]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows(text)), path)
    else:
        path.write_text("".join(json.dumps({"question": f"{text} {n}", "answer": n}) + "\n" for n in range(3)))


def source(folder: Path | str, split: str = "train", subset: str | None = None) -> Source:
    return Source(name=str(folder), split=split, subset=subset, answer="answer")


def questions(folder: Path | str, split: str = "train", subset: str | None = None) -> list[str]:
    return [row.values["question"] for row in read_rows("problems.test", source(folder, split, subset))]


def text(name: str) -> list[str]:
    return [row["question"] for row in rows(name)]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    train, test = (datasets.Dataset.from_list(rows(name, 9)) for name in ("train", "test"))
    shuffled = test.select([2, 0, 1])  # has an indices mapping
    datasets.DatasetDict(train=train.select(range(3)), test=shuffled).save_to_disk(tmp_path / "saved")
    return tmp_path / "saved"


def test_save_to_disk(saved: Path, tmp_path: Path) -> None:
    assert questions(saved) == questions(saved / "train") == text("train")
    assert questions(saved, "test") == questions(saved / "test") == ["test 2", "test 0", "test 1"]
    memory = fsspec.filesystem("memory")
    memory.put(str(saved), "/saved", recursive=True)
    assert questions("memory://saved", "test") == ["test 2", "test 0", "test 1"]
    many = datasets.Dataset.from_list(rows("x", 25))
    many.save_to_disk(tmp_path / "many", num_shards=12)
    assert questions(tmp_path / "many") == [f"x {n}" for n in range(25)]
    place = next(iter(read_rows("problems.test", source(saved)))).place
    assert place == f"{saved}/train/data-00000-of-00001.arrow, row 1"


def test_clone_with_subsets(tmp_path: Path) -> None:
    for part in ("main/train-0", "main/train-1", "main/test-0", "socratic/train-0"):
        write(tmp_path / f"{part}.parquet", part)
    (tmp_path / "README.md").write_text(CONFIGS)
    assert questions(tmp_path) == questions(tmp_path, subset="main") == text("main/train-0") + text("main/train-1")
    assert questions(tmp_path, "test") == text("main/test-0")
    assert questions(tmp_path, subset="socratic") == text("socratic/train-0")


SHARDS = [f"data/{name}.parquet" for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001")]


@pytest.mark.parametrize(
    ("files", "split", "expected"),
    [
        (SHARDS, "train", ["data/train-00000-of-00002", "data/train-00001-of-00002"]),
        (SHARDS, "test", ["data/test-00000-of-00001"]),
        (["train.jsonl", "test.jsonl"], "test", ["test"]),
        (["train/b.jsonl", "train/a.jsonl", "dev/c.jsonl"], "train", ["train/a", "train/b"]),
        (["train/a.jsonl", "dev/c.jsonl"], "validation", ["dev/c"]),
        (["b.jsonl", "a.jsonl"], "train", ["a", "b"]),
    ],
)
def test_files_named_after_splits(tmp_path: Path, files: list[str], split: str, expected: list[str]) -> None:
    for file in files:
        write(tmp_path / file, file.partition(".")[0])
    (tmp_path / ".git").mkdir()
    write(tmp_path / ".git" / "train.jsonl", "hidden")
    assert questions(tmp_path, split) == [question for name in expected for question in text(name)]


BAD: list[tuple[list[str], dict[str, Any], str]] = [
    (["train.jsonl", "test.jsonl"], {"split": "dev"}, r"has no split 'dev'; it has train, test: set `split` beside"),
    (["train.jsonl"], {"subset": "main"}, r"is a folder whose data cannot be told \(.*'main' not found.*set `subset`"),
    ([], {}, r"is a folder whose data cannot be told .*give the files in it, like FOLDER/\*.jsonl"),
    (["train.txt"], {}, r"train.txt ends in none of .jsonl"),
]


@pytest.mark.parametrize(("files", "fields", "message"), BAD)
def test_folders_that_are_refused(tmp_path: Path, files: list[str], fields: dict[str, Any], message: str) -> None:
    for file in files:
        write(tmp_path / file, "x")
    with pytest.raises(ValueError, match=rf"problems.test.name='{tmp_path}': .*{message}"):
        questions(tmp_path, **fields)


def test_saved_folders_that_are_refused(saved: Path) -> None:
    with pytest.raises(ValueError, match=r"has no split 'dev'; it has train, test: set `split` beside `name`"):
        questions(saved, "dev")
    (saved / "train" / "state.json").write_text("{")
    with pytest.raises(ValueError, match=r"state.json is not JSON .*save the dataset again"):
        questions(saved)
    fsspec.filesystem("memory").pipe_file("/plain/a.jsonl", b"{}")
    with pytest.raises(ValueError, match=r"name='memory://plain': is a folder: give the files in it"):
        questions("memory://plain")


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet", "a.arrow", "a.json"])
def test_a_clone_without_its_large_files_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")
    with pytest.raises(ValueError, match=rf"{name} is a pointer of git-lfs and not the file: run `git lfs pull`"):
        questions(tmp_path / name)


def test_a_split_is_named_by_its_files_wherever_they_lie(saved: Path, tmp_path: Path) -> None:
    train, test = (hash_local(source(saved, split)) for split in ("train", "test"))
    assert train != test
    shutil.move(saved, tmp_path / "moved")
    assert hash_local(source(tmp_path / "moved")) == train
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path / "moved"), "/hashed", recursive=True)
    url = "memory://hashed"
    assert hash_url(source(url)) != hash_url(source(url, "test"))
    assert record_name(source(url)) != record_name(source(url, "test"))
    assert record_name(source(f"{url}/a.jsonl")) == f"{url}/a.jsonl"
