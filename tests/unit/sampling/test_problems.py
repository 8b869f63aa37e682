"""Blocks hold the problems of a table in order of problem_id, however its files are, and nobody holds all of them."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_jobs.sampling.step import problems as problems_module
from ray_jobs.sampling.step.problems import Cut, Problems, runs_of
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import Sample
from w2s.graph.step import step
from w2s.recipe import Sampling, WorldProblems
from w2s.records import Problem
from w2s.store import attempt as attempts
from w2s.store.attempt import Attempt
from w2s.store.manifest import File
from w2s.store.store import Store

ASKED = step("problems", WorldProblems())
SAMPLED = step("sampled", Sample(model=quickstart().strong, sampling=Sampling()), problems=ASKED["test"])


def store_of(folder: Path, ids: list[str]) -> Store:
    store = Store.at(str(folder))
    (attempt := Attempt(store, ASKED)).write_records("test", [Problem(i, f"{i}?") for i in ids], Problem)
    attempt.commit({})
    return store


def cut(store: Store, source: Problems, size: int) -> Cut:
    runs = runs_of(store.files(ASKED["test"]))
    return Cut(tuple((run, len(source.run(SAMPLED, run))) for run in runs), size)


@settings(deadline=None, max_examples=60)
@given(
    ids=st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=3), max_size=40, unique=True),
    per_file=st.integers(1, 12),
    size=st.integers(1, 15),
    in_order=st.booleans(),
)
def test_blocks_are_cut_from_the_problems_in_order(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str], per_file: int, size: int, in_order: bool
) -> None:
    """As they were when the driver sorted all problems: a rerun must find the same problems in a block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attempts, "ROWS_PER_FILE", per_file)
        store = store_of(tmp_path_factory.mktemp("store"), sorted(ids) if in_order else ids)
    source = Problems(store)
    blocks = cut(store, source, size)
    expected = [Problem(i, f"{i}?") for i in sorted(ids)]
    found = [source.read(SAMPLED, blocks.rows(block)) for block in range(len(blocks))]
    assert found == [expected[start : start + size] for start in range(0, len(ids), size)]
    assert [blocks.problems_in(block) for block in range(len(blocks))] == list(map(len, found))
    assert blocks.problems == len(ids)


@pytest.mark.parametrize(
    ("ranges", "runs"),
    [
        ([("a", "b"), ("c", "d")], [(0,), (1,)]),
        ([("c", "d"), ("a", "b")], [(1,), (0,)]),
        ([("a", "c"), ("b", "d"), ("e", "f")], [(0, 1), (2,)]),
        ([("a", "z"), ("b", "c"), ("d", "e")], [(0, 1, 2)]),
        ([("a", "b"), (None, None)], [(0, 1)]),  # ids that nobody knows may be anywhere
        ([(None, None)], [(0,)]),
    ],
)
def test_files_with_overlapping_ids_are_read_together(
    ranges: list[tuple[str | None, str | None]], runs: list[tuple[int, ...]]
) -> None:
    files = [File(path="x", bytes=1, sha256="", first=first, last=last) for first, last in ranges]
    assert runs_of(files) == runs


def test_a_reader_reads_a_file_once_and_keeps_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "ROWS_PER_FILE", 10)
    store = store_of(tmp_path, [f"{number:03d}" for number in range(60)])
    source, read = Problems(store), list[int]()
    plain = problems_module.parse_parquet
    monkeypatch.setattr(problems_module, "parse_parquet", lambda *given: read.append(1) or plain(*given))
    blocks = cut(store, source, 4)
    assert len(read) == 6
    for block in range(len(blocks)):
        source.read(SAMPLED, blocks.rows(block))
    assert len(read) == 12 and len(source._held) == problems_module.FILES_HELD  # pyright: ignore[reportPrivateUsage]
    shuffled = random.Random(1).sample(range(4), 4)
    for block in shuffled:  # of the first two files
        source.read(SAMPLED, blocks.rows(block))
    assert len(read) == 14
