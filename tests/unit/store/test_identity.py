"""Which steps a change of the data runs again: those that read other rows, told before anything runs."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.small_run import commit
from w2s.data.splits import read_problems
from w2s.experiments.overrides import set_fields
from w2s.experiments.quickstart import quickstart
from w2s.graph.step import Step
from w2s.recipe import DatasetProblems, Experiment, Source
from w2s.store.maintenance.gc import find_garbage
from w2s.store.maintenance.verify import verify
from w2s.store.plan import plan, to_run
from w2s.store.revisions import identified_steps, identify
from w2s.store.store import Store

SPLITS = ("train_1", "train_2", "test")
THINGS = {"train_1": "apples", "train_2": "boats", "test": "coins"}
Rows = list[dict[str, str]]


def row(thing: str, number: int) -> dict[str, str]:
    question = (
        f"Ann has {number + 2} {thing} and buys {3 * number + 1} more {thing}. How many {thing} does she own now?"
    )
    return {"question": question, "solution": f"Together {4 * number + 3}.\n#### {4 * number + 3}", "level": "easy"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split, thing in THINGS.items():
        write(tmp_path, split, [row(thing, number) for number in range(6)])
    return tmp_path


def write(folder: Path, split: str, rows: Rows) -> None:
    (folder / f"{split}.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in rows))


def rows_of(folder: Path, split: str) -> Rows:
    return [json.loads(line) for line in (folder / f"{split}.jsonl").read_text().splitlines()]


def experiment(folder: Path) -> Experiment:
    sources = [Source(name=str(folder / f"{split}.jsonl"), solution="solution") for split in SPLITS]
    problems = DatasetProblems(train_1=sources[0], train_2=sources[1], test=sources[2])
    return quickstart().model_copy(update={"problems": problems})


def steps_of(folder: Path, store: Store, changes: Sequence[str] = (), read: bool = True) -> tuple[Step, ...]:
    changed = set_fields(experiment(folder), changes)
    return identified_steps(identify(changed, store, network=False), store, read=read)


def finish(steps: Sequence[Step], store: Store) -> None:
    for step in steps:
        tables: dict[str, list[Any]] = {}
        if step.name == "problems":
            assert isinstance(step.recipe, DatasetProblems)
            for name, split in read_problems(step.recipe).splits.items():
                tables |= {name: list(split.problems), f"{name}_references": list(split.references)}
        commit(store, step, tables)


def finished(folder: Path, changes: Sequence[str] = ()) -> Store:
    """A store with every step of the experiment."""
    store = Store.at(str(folder / "store"))
    finish(steps_of(folder, store, changes)[:1], store)
    finish(steps_of(folder, store, changes, read=False)[1:], store)
    return store


def again(folder: Path, store: Store, changes: Sequence[str] = ()) -> set[str]:
    """Names of the steps that a plan says would run."""
    return {step.name for step in to_run(plan(steps_of(folder, store, changes), store))}


def change(split: str, edit: Callable[[Rows], Rows]) -> Callable[[Path], None]:
    return lambda folder: write(folder, split, edit(rows_of(folder, split)))


def nothing(folder: Path) -> None:
    pass


def moved(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    for split in SPLITS:
        (folder / f"{split}.jsonl").rename(folder / "elsewhere" / f"{split}.jsonl")
        write(folder, split, [row(THINGS[split], 0)])


TEST_ANSWERS = {
    "test_weak_floor", "test_strong_base", "test_weak_icl", "test_full_weak_ft", "test_weak_ft_1", "test_icl_ft_1",
    "test_hybrid_ft_1", "test_dpo", "test_orpo", "test_ceiling", "test_full_icl_ft",
}  # fmt: skip
SCORED = {"problems", "scores", "report"}
AFTER_TRAIN_2 = {
    "problems", "weak_completions", "demonstrations", "icl_completions", "consistent_1", "weak_ft_1", "icl_ft_1",
    "hybrid_ft_1", "sampled", "pairs", "dpo", "orpo", "full_weak_ft", "full_icl_ft", "ceiling", "audit",
    "scores", "report",
} | (TEST_ANSWERS - {"test_weak_floor", "test_strong_base"})  # fmt: skip
IN_TRAIN_2 = row("boats", 0)
CHANGES: list[tuple[str, Callable[[Path], None], list[str], set[str]]] = [
    ("nothing", nothing, [], set()),
    ("a longer test set", change("test", lambda rows: [*rows, row("coins", 9)]), [], SCORED | TEST_ANSWERS),
    ("a shorter test set", nothing, ["problems.test.rows=[0,3]"], SCORED | TEST_ANSWERS),
    ("another test set", change("test", lambda _: [row("dogs", n) for n in range(3)]), [], SCORED | TEST_ANSWERS),
    (
        "another order of test rows, which are numbered",
        change("test", lambda rows: rows[::-1]),
        [],
        SCORED | TEST_ANSWERS,
    ),
    ("another draw of the test set", nothing, ["problems.test.rows=[0,4]", "problems.seed=5"], SCORED | TEST_ANSWERS),
    ("a level of the test set", nothing, ["problems.test.level=level"], SCORED | TEST_ANSWERS),
    (
        "a solution of the test set",
        change("test", lambda rows: [rows[0] | {"solution": "#### 99"}, *rows[1:]]),
        [],
        SCORED,
    ),
    (
        "gold of train_2",
        change("train_2", lambda rows: [rows[0] | {"solution": "#### 99"}, *rows[1:]]),
        [],
        SCORED | {"ceiling", "test_ceiling", "audit"},
    ),
    (
        "a test question that takes one of train_2",
        change("test", lambda rows: [*rows, IN_TRAIN_2]),
        [],
        AFTER_TRAIN_2 | TEST_ANSWERS,
    ),
    (
        "the same, kept",
        change("test", lambda rows: [*rows, IN_TRAIN_2]),
        ["problems.overlap=keep"],
        SCORED | TEST_ANSWERS,
    ),
    ("a limit that removes nothing", nothing, ["problems.near_duplicate=0.9"], {"problems", "report"}),
    ("a share that is not reached", nothing, ["problems.max_disagreement=0.5"], {"problems", "report"}),
    ("a seed that cuts nothing", nothing, ["problems.seed=7"], {"problems", "report"}),
    (
        "files at another place",
        moved,
        [f"problems.{split}.name={{folder}}/elsewhere/{split}.jsonl" for split in SPLITS],
        set(),
    ),
    (
        "train_1",
        change("train_1", lambda rows: rows[1:]),
        [],
        AFTER_TRAIN_2 - {"ceiling", "test_ceiling"} | {"weak_sft", "test_weak_floor"},
    ),
    ("train_2", change("train_2", lambda rows: rows[1:]), [], AFTER_TRAIN_2),
    ("a setting", nothing, ["dpo.beta=0.3"], {"dpo", "test_dpo", "scores", "report"}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("edit", "sets", "expected"), [one[1:] for one in CHANGES], ids=[one[0] for one in CHANGES])
def test_what_a_change_of_the_data_runs(
    folder: Path, edit: Callable[[Path], None], sets: list[str], expected: set[str]
) -> None:
    store = finished(folder)
    assert again(folder, store) == set()
    edit(folder)
    changes = [one.replace("{folder}", str(folder)) for one in sets]
    assert again(folder, store, changes) == expected
    # What the plan read is what the step writes.
    finish([step for step in steps_of(folder, store, changes) if step.name in {"problems"} & expected], store)
    assert again(folder, store, changes) == expected - {"problems"}


def test_another_draw_of_the_test_set_alone(folder: Path) -> None:
    cut = [f"problems.{split}.rows=[0,4]" for split in SPLITS]
    store = finished(folder, cut)
    assert again(folder, store, [*cut, "problems.test.seed=5"]) == SCORED | TEST_ANSWERS
    assert again(folder, store, [*cut, "problems.seed=5"]) == {step.name for step in steps_of(folder, store)}


def test_a_new_store_reads_nothing_and_says_so(folder: Path) -> None:
    steps = steps_of(folder, Store.at(str(folder / "new")))
    lines = {line.step.name: line for line in plan(steps, Store.at(str(folder / "new")))}
    assert lines["problems"].directory and lines["problems"].why == "not in the store"
    others = {(line.directory, line.why, line.state) for name, line in lines.items() if name != "problems"}
    assert others == {("", "known once problems is finished", "run")}


def test_two_test_sets_live_in_one_store_and_gc_keeps_what_is_asked_for(folder: Path) -> None:
    store = finished(folder)
    first = {step.directory for step in steps_of(folder, store)}
    steps = steps_of(folder, store, ["problems.test.rows=[0,3]"])
    finish([step for step in steps if step.name in SCORED | TEST_ANSWERS], store)
    assert again(folder, store) == again(folder, store, ["problems.test.rows=[0,3]"]) == set()
    second = {step.directory for step in steps}
    assert len(first & second) > 12
    removed = {garbage.directory for garbage in find_garbage(store, second)}
    assert removed == first - second
    for directory in removed:
        store.objects.remove_tree(store.objects.path(directory))
    # Trainings name the removed problems step as their input; the rows are in the other one.
    assert [finding for checked in verify(store) for finding in checked.findings] == []
    store.objects.remove_tree(store.objects.path(steps[0].directory))
    absent = [finding.what for checked in verify(store) for finding in checked.findings]
    assert absent and all("is not in the store" in what for what in absent)


def test_the_reason_names_the_input_that_is_another(folder: Path) -> None:
    store = finished(folder)
    changed = steps_of(folder, store, ["problems.test.rows=[0,3]"])
    why = {line.step.name: line.why for line in plan(changed, store)}
    assert why["test_dpo"] == "nearest finished: input problems is another"
    assert why["scores"].startswith("nearest finished: input problems is another, input references is another")
