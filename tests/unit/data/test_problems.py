"""The problems step: what becomes of rows."""

import gzip
import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.data.problem_files import Rows, lines, read_problems, recipe, rows
from w2s.data import splits, stored
from w2s.data.cells.row import LOST_BACKSLASH
from w2s.data.worlds.draws import Made
from w2s.recipe import SPLITS, DatasetProblems, Source, WorldProblems
from w2s.records import Problem, Reference
from w2s.store.tables import parquet_bytes, parse_parquet

REFERENCE = Path(os.environ.get("W2S_REFERENCE", Path(__file__).parents[4] / "shared" / "reference"))


def test_rows_become_problems_and_references(tmp_path: Path) -> None:
    found, counts, _ = read_problems(recipe(tmp_path, source={"id": "i", "kind": "i", "level": "q"}))
    assert found["train_2"].problems[1] == Problem("train_21", "train_2 question 1?", "train_21", "train_2 question 1?")
    assert found["train_2"].references[1] == Reference("train_21", "2", "1 + 1 = 2\n#### 2")
    assert counts["test_rows"] == counts["test_problems"] == 5
    assert (
        counts["train_2_overlap_removed"] == counts["train_1_repeats_removed"] == counts["test_left_out_by_where"] == 0
    )


def test_ids_are_row_numbers_of_the_source(tmp_path: Path) -> None:
    data = rows("train_1", 20)
    made = recipe(tmp_path, train_1=data)
    cut = made.model_copy(update={"train_1": made.train_1.model_copy(update={"rows": (3, 9)})})
    for problem in read_problems(cut)[0]["train_1"].problems:
        split, _, number = problem.problem_id.partition("-")
        assert split == "train_1"
        assert data[int(number)]["q"] == problem.question


def test_two_ranges_of_one_source_are_disjoint_and_depend_on_the_seed(tmp_path: Path) -> None:
    path = str(lines(tmp_path / "all.jsonl", rows("any", 50)))
    test = str(lines(tmp_path / "test.jsonl", rows("test")))

    def halves(seed: int) -> list[list[str]]:
        made = DatasetProblems(
            train_1=Source(name=path, question="q", solution="s", rows=(0, 25)),
            train_2=Source(name=path, question="q", solution="s", rows=(25, 50)),
            test=Source(name=test, question="q", solution="s"),
            seed=seed,
        )
        found = read_problems(made)[0]
        return [[problem.question for problem in found[split].problems] for split in ("train_1", "train_2")]

    first, second = halves(1)
    assert len({*first, *second}) == 50
    assert halves(1) == [first, second] != halves(2)


def test_order_without_rows_is_the_source_s(tmp_path: Path) -> None:
    made = recipe(tmp_path)
    assert [problem.question for problem in read_problems(made)[0]["test"].problems] == [
        row["q"] for row in rows("test")
    ]


def parquet(path: Path, data: Rows) -> None:
    pq.write_table(pa.Table.from_pylist(data), path)


def as_list(path: Path, data: Rows) -> None:
    path.write_text(json.dumps(data, indent=2))


def nested(path: Path, data: Rows) -> None:
    path.write_text(json.dumps({"version": 1, "data": data}))


def json_lines(path: Path, data: Rows) -> None:
    lines(path, data)


def zipped(path: Path, data: Rows) -> None:
    path.write_bytes(gzip.compress("\n\n".join(json.dumps(row) for row in data).encode()))


def with_bom(path: Path, data: Rows) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(json.dumps(row) for row in data).encode() + b"\r\n")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.parquet", parquet),
        ("a.json", as_list),
        ("a.json", nested),
        ("a.json", json_lines),
        ("a.jsonl", with_bom),
        ("a.jsonl.gz", zipped),
    ],
    ids=[
        "parquet",
        "json list",
        "json list in an object",
        "json lines in .json",
        "BOM and CRLF",
        "gzip with blank lines",
    ],
)
def test_every_format_gives_the_same(tmp_path: Path, name: str, write: Callable[[Path, Rows], None]) -> None:
    made = recipe(tmp_path)
    expected = read_problems(made)
    write(tmp_path / name, rows("train_1"))
    other = made.model_copy(update={"train_1": made.train_1.model_copy(update={"name": str(tmp_path / name)})})
    assert read_problems(other) == expected


def test_globs_and_urls(tmp_path: Path) -> None:
    import fsspec

    made = recipe(tmp_path)
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/problems/b.jsonl", json.dumps(rows("train_1")[1]).encode())
    memory.pipe_file("/problems/a.jsonl", json.dumps(rows("train_1")[0]).encode())
    other = made.model_copy(update={"train_1": made.train_1.model_copy(update={"name": "memory://problems/*.jsonl"})})
    assert [one.question for one in read_problems(other)[0]["train_1"].problems] == [
        row["q"] for row in rows("train_1", 2)
    ]


def test_hub_dataset_is_loaded_at_its_revision_and_without_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    seen: list[Any] = []

    def load_dataset(*arguments: Any, **options: Any) -> Any:
        seen.append((arguments, options))
        return datasets.Dataset.from_list([row | {"other": 1} for row in rows("train_1")])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    made = recipe(tmp_path)
    hub = Source(name="someone/data", revision="abc", subset="main", split="train[:5]", question="q", solution="s")
    assert read_problems(made.model_copy(update={"train_1": hub})) == read_problems(made)
    assert seen == [(("someone/data", "main"), {"split": "train[:5]", "revision": "abc"})]

    def fails(*_: Any, **__: Any) -> Any:
        raise FileNotFoundError("Dataset 'someone/data' doesn't exist")

    monkeypatch.setattr(datasets, "load_dataset", fails)
    with pytest.raises(
        ValueError, match=r"problems.train_1.name='someone/data' .*revision 'abc'.*doesn't exist.*HF_TOKEN.*\.jsonl"
    ):
        read_problems(made.model_copy(update={"train_1": hub}))
    missing = hub.model_copy(update={"answer": "gold"})
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(
        ValueError,
        match=r"someone/data train\[:5\], row 1: no column 'gold'; it has q, s, i, other: set problems.train_1.answer",
    ):
        read_problems(made.model_copy(update={"train_1": missing}))


@pytest.mark.parametrize(
    ("row", "fields", "ending", "expected"),
    [
        ({"s": "1+1=2", "a": "2"}, {"answer": "a"}, "\n#### {answer}", ("2", "1+1=2\n#### 2")),
        (
            {"s": r"is $\boxed{2}$", "a": "2"},
            {"answer": "a"},
            " The answer is: {answer}",
            ("2", r"is $\boxed{2}$ The answer is: 2"),
        ),
        ({"s": r"is $\boxed{2}$"}, {}, " The answer is: {answer}", ("2", r"is $\boxed{2}$ The answer is: 2")),
        ({"s": "x\n#### 2"}, {}, "\n#### {answer}", ("2", "x\n#### 2")),
        ({"s": None, "a": ["A", "C"]}, {"answer": "a"}, r"So $\boxed{{answer}}$", ("A, C", r"So $\boxed{A, C}$")),
        ({"a": 3.0}, {"answer": "a", "solution": None}, "\n#### {answer}", ("3", "#### 3")),
        ({"a": True}, {"answer": "a", "solution": None}, "{answer}", ("true", "true")),
    ],
)
def test_solution_ends_with_the_answer(
    tmp_path: Path, row: dict[str, Any], fields: dict[str, Any], ending: str, expected: tuple[str, str]
) -> None:
    found, _, _ = read_problems(
        recipe(
            tmp_path,
            *[[row | {"q": f"question of {split}"}] for split in SPLITS],
            source={"solution": "s"} | fields,
            solution_ending=ending,
        )
    )
    assert (found["train_2"].references[0].answer, found["train_2"].references[0].solution) == expected


def test_split_without_gold_has_no_references(tmp_path: Path) -> None:
    made = recipe(tmp_path)
    bare = made.model_copy(update={"train_2": made.train_2.model_copy(update={"solution": None})})
    split = read_problems(bare)[0]["train_2"]
    assert len(split.problems) == 5
    assert split.references == []
    assert parse_parquet(parquet_bytes(split.references, Reference), Reference) == []


def test_splits_are_read_from_disk_each_time_in_order_of_problem_id(tmp_path: Path) -> None:
    found = splits.read_problems(recipe(tmp_path, rows("train_1", 12)))
    for split in found.splits.values():
        ids = [problem.problem_id for problem in split.problems]
        assert ids == sorted(ids) == [reference.problem_id for reference in split.references]
        assert len(split.problems) == len(split.references) == len(ids)
        assert list(split.problems) == list(split.problems)
        assert next(iter(split.problems)) in split.problems


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(stored.Stored, "add", full)
    with pytest.raises(ValueError, match=r"cannot be stored on disk \(database or disk is full\): set TMPDIR"):
        read_problems(recipe(tmp_path))


def test_where_leaves_out_and_counts(tmp_path: Path) -> None:
    data = [row | {"lang": "EN" if n % 2 else "ZH", "level": n} for n, row in enumerate(rows("train_2", 10))]
    made = recipe(tmp_path, train_2=data)
    where = (("lang", ("EN",)), ("level", ("1", "3", "4")))
    found, counts, _ = read_problems(
        made.model_copy(update={"train_2": made.train_2.model_copy(update={"where": where})})
    )
    assert [problem.problem_id for problem in found["train_2"].problems] == ["train_2-1", "train_2-3"]
    assert counts["train_2_left_out_by_where"] == 8


def test_repeats_and_overlap_removed_or_kept(tmp_path: Path) -> None:
    train_2 = [
        *rows("train_2"),
        rows("train_2")[0] | {"q": " TRAIN\uff3f2  question\n\uff10? "},
        rows("test")[0],
        rows("train_1")[0],
    ]
    train_1 = [*rows("train_1"), rows("test")[1]]
    found, counts, _ = read_problems(recipe(tmp_path, train_1, train_2, repeats="remove"))
    assert [problem.problem_id for problem in found["train_2"].problems] == [f"train_2-{n}" for n in range(5)]
    assert len(found["train_1"].problems) == len(found["test"].problems) == 5
    assert (
        counts["train_2_repeats_removed"],
        counts["train_2_overlap_removed"],
        counts["train_1_overlap_removed"],
    ) == (1, 2, 1)
    found, counts, _ = read_problems(recipe(tmp_path, train_1, train_2, repeats="keep", overlap="keep"))
    assert len(found["train_2"].problems) == 8
    assert (counts["train_2_repeats_kept"], counts["train_2_overlap_kept"]) == (1, 2)


HOSTILE = (
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1)
    .filter(str.strip)
    .filter(lambda text: not LOST_BACKSLASH.search(text))
)
"""Text that is no problem's mistake: LaTeX that JSON took for escapes is refused (test_cells.py)."""


@pytest.mark.slow
@settings(deadline=None)  # a machine may be busy
@given(HOSTILE)
@example("\bA")
def test_hostile_text_survives(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    data = [{"q": f"{text} 1\0", "s": f"\0{text.replace('#', '')}\n#### 1"}]
    found, _, _ = read_problems(recipe(folder, train_2=data, drop_calculator_marks=False))
    problems = found["train_2"].problems
    assert problems[0].question == f"{text} 1\0".strip()
    assert parse_parquet(parquet_bytes(problems, Problem), Problem) == problems


def test_world_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    def problems(seed: int, split: str, count: int) -> list[Made]:
        return [Made(f"{split}-{n}", f"world {seed}, {split}, {n}?", str(n), f"#### {n}", "2") for n in range(count)]

    monkeypatch.setitem(splits.WORLDS, "hard", problems)
    found, counts, _ = read_problems(WorldProblems(train_1=3, train_2=4, test=5, seed=9, world="hard"))
    assert found["train_2"].problems[1] == Problem("train_2-1", "world 9, train_2, 1?", level="2")
    assert found["test"].references[4] == Reference("test-4", "4", "#### 4")
    assert {name: count for name, count in counts.items() if count} == {
        "train_1_problems": 3,
        "train_2_problems": 4,
        "test_problems": 5,
    }


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.is_dir(), reason=f"no reference data in {REFERENCE} (W2S_REFERENCE)")
@pytest.mark.slow
def test_the_authors_gsm8k_halves() -> None:
    """Their overlap and repeats are as the paper's data has them (the paper, weak point 4)."""
    halves = {
        split: Source(name=str(REFERENCE / f"gsm8k_{split}.jsonl.gz"), solution="solution", id="id") for split in SPLITS
    }
    with pytest.raises(ValueError, match=r"contains \d+ repeated questions"):
        read_problems(DatasetProblems(**halves))
    found, counts, _ = read_problems(DatasetProblems(**halves, overlap="keep", repeats="keep"))
    assert [counts[f"{split}_problems"] for split in SPLITS] == [7000, 7000, 1319]
    assert counts["train_2_repeats_kept"] == 150
    assert not any(
        "<<" in one.solution or "####" not in one.solution.splitlines()[-1] for one in found["train_1"].references
    )
    found, removed, duplicates = read_problems(DatasetProblems(**halves, repeats="remove"))
    assert (
        removed["train_2_repeats_removed"],
        removed["train_2_overlap_removed"],
        removed["train_2_near_overlap_removed"],
    ) == (150, 279, 2)
    assert len(found["train_2"].problems) == 7000 - 150 - 279 - 2
    assert sorted(d.similarity for d in duplicates)[:2] == pytest.approx([0.733, 0.828], abs=0.001)
    assert removed["train_1_overlap_removed"] == removed["train_1_near_overlap_removed"] == 0
