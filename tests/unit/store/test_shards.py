"""Tables in parts: what a manifest says of files, how shards are cut, and that a step gives the same rows in one shard
and in many."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_jobs.driver.scheduler import run_steps
from ray_jobs.resources.presets import load_resources
from ray_jobs.runtime import shards
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.progress import Progress
from ray_jobs.sampling.pool.pools import Pools
from ray_jobs.training.group.groups import Groups
from tests.conftest import fresh
from w2s.experiments.catalog import load
from w2s.experiments.overrides import set_fields
from w2s.graph.build import build_steps
from w2s.graph.step import Step
from w2s.records import (
    Completion,
    Consensus,
    Demonstration,
    Merge,
    PreferencePair,
    Problem,
    Reference,
    Score,
    Selection,
    SFTExample,
)
from w2s.store import attempt as attempts
from w2s.store.attempt import Attempt
from w2s.store.manifest import File
from w2s.store.shards import Shard, ShardSize, part_of, plan_shards, read_part
from w2s.store.store import Store
from w2s.store.tables import parquet_bytes

EXPERIMENT = set_fields(
    load("quickstart"), ["agreement.top_up=55", "agreement.min_kept=1", "pairs.min_pairs=1", "pairs.per_problem=2"]
)
COUNT = 97


def completion(number: int, sample: int, answer: int, text: str = "") -> Completion:
    reason = "length" if (number + sample) % 17 == 0 else "stop"
    return Completion(f"p{number:03d}", sample, "m", f"{text} so\n#### {answer}", reason, 1, 1, 0)


def tables() -> dict[str, dict[str, tuple[list[Any], type[Any]]]]:
    """By step and table: problems in no order, ten samples each, answers that agree or not by number."""
    problems = [
        Problem(f"p{n:03d}", f"question {n}", level=str(n % 3))
        for n in sorted(range(COUNT), key=lambda n: n * 31 % COUNT)
    ]
    gold = [Reference(p.problem_id, str(int(p.problem_id[1:]) % 7), "") for p in problems]
    weak = [completion(n, 0, n % 7 if n % 3 else 9) for n in range(COUNT)]
    samples = [completion(n, s, n % 7 if s < 9 - n % 4 else s, f"try {s}") for n in range(COUNT) for s in range(10)]
    icl = [completion(n, 0, n % 7 if n % 2 else 8, "x") for n in range(COUNT)]
    splits = {
        **dict.fromkeys(("train_1", "train_2", "test"), (problems, Problem)),
        **dict.fromkeys(("train_1_references", "train_2_references", "test_references"), (gold, Reference)),
    }
    plain = [completion(n, s, n % 7 if s < 10 - n % 4 else s, f"plain {s}") for n in range(COUNT) for s in range(10)]
    completions = {
        **{"plain_samples": plain, "plain_completions": icl},
        **{"weak_completions": weak, "icl_completions": icl, "sampled": samples, "icl_samples": samples},
        **{"m_plus_completions": icl, "weak_half_completions": weak},
        **{"weak_member_2_completions": weak, "weak_member_3_completions": icl},
        "more_samples": [completion(n, s, n % 7, f"again {s}") for n in range(1, COUNT, 4) for s in range(6)],
        **dict.fromkeys([*TESTED, *TESTED_OWN], weak),
    }
    return {
        "problems": splits,
        "demonstrations": {"demonstrations": ([Demonstration("p004", "q", "c")], Demonstration)},
        **{step: {"completions": (rows, Completion)} for step, rows in completions.items()},
    }


OWN = set_fields(
    EXPERIMENT,
    ["labels.min_share=0.8", "labels.greedy_vote=true", "labels.per_problem=2", "labels.choose_prompt=true",
     "stage_one=trust", 'icl_sampled={"n": 10, "temperature": 0.7}', "pairs.rule=votes", "pairs.greedy_vote=true",
     'more_samples={"n": 6, "margin": 0.7, "budget": 90}', "committee=3"],
)  # fmt: skip
STEPS = {step.name: step for step in build_steps(EXPERIMENT)}
TESTED = [step for step in STEPS if step.startswith("test_")]
STEPS_OWN = {step.name: step for step in build_steps(OWN)}
TESTED_OWN = [step for step in STEPS_OWN if step.startswith("test_")]
OUTPUTS: dict[str, dict[str, type[Any]]] = {
    "consistent_1": {
        "weak": SFTExample,
        "icl": SFTExample,
        "hybrid": SFTExample,
        "selection": Selection,
        "merges": Merge,
    },
    "labels_1": {"examples": SFTExample, "selection": Selection, "merges": Merge},
    "weak_committee": {"completions": Completion},
    "open_votes": {"train_2": Problem},
    "pairs": {"consensus": Consensus, "pairs": PreferencePair, "merges": Merge},
    "scores": {"scores": Score, "disputed": Score},
}


SHARDED = ("weak_committee", "weak_reliability", "consistent_1", "labels_1", "open_votes", "pairs", "scores", "audit")


def run(folder: Path, steps: Mapping[str, Step] = STEPS) -> dict[str, Any]:
    """All rows and documents of the steps that go shard by shard."""
    store = Store.at(str(folder))
    context = Context(store, load_resources("local"), Progress())
    for name, of in tables().items():
        if name not in steps:
            continue
        attempt = Attempt(store, steps[name])
        for table, (rows, record) in of.items():
            attempt.write_records(table, rows, record)
        attempt.commit({})
    there = [name for name in SHARDED if name in steps]
    for name in there:
        run_steps([steps[name]], context, Pools([], ()), Groups())
    outputs = {name: of for name, of in OUTPUTS.items() if name in steps}
    found: dict[str, Any] = {
        f"{name}/{t}": store.records(steps[name][t], r) for name, of in outputs.items() for t, r in of.items()
    }
    documents = {
        name: store.document(steps[name][table])
        for name in there
        for table in steps[name].recipe.tables
        if table in ("summary", "audit")
    }
    manifests = {name: store.manifest(steps[name]) for name in outputs}
    return found | documents | {f"{name} counts": (m.counts, m.rows) for name, m in manifests.items() if m}


def here(tasks: Sequence[shards.Task], work: Callable[[shards.Task], Any], result: type[Any]) -> Iterator[Any]:
    """What Ray Data does, in this process and in another order."""
    for task in sorted(tasks, key=lambda task: -task.number):
        copied = shards.Task.model_validate_json(task.model_dump_json())
        yield result.model_validate_json(work(copied).model_dump_json())


@pytest.mark.slow
def test_one_shard_and_many_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_ray(*_: Any) -> Iterator[Any]:
        raise AssertionError("a small step must not start Ray")

    monkeypatch.setattr(shards, "_on_ray", no_ray)
    whole = run(tmp_path / "one")
    assert whole["consistent_1 counts"][0]["kept_top_up"] > 5 and whole["pairs counts"][0]["pairs"] > 20
    monkeypatch.setattr(shards, "_on_ray", here)
    monkeypatch.setattr(attempts, "ROWS_PER_FILE", 40)
    monkeypatch.setattr(shards, "SHARD_BYTES", 2000)
    cut = run(tmp_path / "many")
    for name, rows in whole.items():
        assert cut[name] == rows, name
    store = Store.at(str(tmp_path / "many"))
    assert len(store.files(STEPS["pairs"]["pairs"])) > 3, "the step was to be cut"


@pytest.mark.slow
def test_labels_of_one_shard_and_of_many_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The choice of a prompt and trust's evidence too, which are of the problems of all shards."""
    whole = run(tmp_path / "one", STEPS_OWN)
    outcomes = whole["labels_1"]["outcomes"]
    assert outcomes["kept"] > 20 and outcomes["demonstration"] == 1 and outcomes["low_share"] > 5
    assert 0 < whole["labels_1"]["trust"]["reliability"] < 1 and whole["pairs counts"][0]["pairs"] > 20
    assert whole["labels_1"]["trust"]["agreement_right_at_most"] > 0
    prompt = whole["labels_1"]["prompt"]
    assert prompt["consistency_with_demonstrations"] < prompt["consistency_without"] < 1
    assert prompt["without_demonstrations"] == 1
    assert any(row.completion.startswith("plain") for row in whole["labels_1/examples"])
    assert not any(row.completion.startswith("try") for row in whole["labels_1/examples"])
    committee = whole["weak_committee"]
    assert (
        committee["outcomes"]["majority"] > 20 and committee["weights"]["member_3"] < committee["weights"]["member_1"]
    )
    votes = [row.samples for row in whole["pairs/consensus"][:2]]
    assert votes == [11, 17], "ten samples and the greedy answer, with six further samples of some"
    assert len(whole["open_votes/train_2"]) == 90 // 6 and whole["open_votes"]["votes"]["left_out_by_budget"] > 5
    graded = whole["weak_reliability"]["right"]["denominator"]
    assert 0 < graded < COUNT, "the half that the weak model has learned from says nothing"
    monkeypatch.setattr(shards, "_on_ray", here)
    monkeypatch.setattr(attempts, "ROWS_PER_FILE", 40)
    monkeypatch.setattr(shards, "SHARD_BYTES", 2000)
    cut = run(tmp_path / "many", STEPS_OWN)
    for name, rows in whole.items():
        assert cut[name] == rows, name
    assert len(Store.at(str(tmp_path / "many")).files(STEPS_OWN["labels_1"]["examples"])) > 2, "it was to be cut"


def test_too_few_pairs_over_all_shards_stop_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path)
    strict = {step.name: step for step in build_steps(set_fields(EXPERIMENT, ["pairs.min_pairs=5000"]))}["pairs"]
    with pytest.raises(
        ValueError, match=r"preference pairs, but pairs.min_pairs is 5000: of 97 problems 97 have a readable sample"
    ):
        run_steps(
            [strict], Context(Store.at(str(tmp_path)), load_resources("local"), Progress()), Pools([], ()), Groups()
        )
    assert Store.at(str(tmp_path)).manifest(strict) is None


def test_a_manifest_says_which_ids_a_file_holds(tmp_path: Path) -> None:
    store, step = Store.at(str(tmp_path)), STEPS["problems"]
    attempt = Attempt(store, step)
    attempt.write_records("train_2", [Problem("b", "q"), Problem("\u00e9", "q"), Problem("a", "q")], Problem)
    attempt.write_records("test", [], Problem)
    attempt.write_document("duplicates", {})
    attempt.commit({})
    found = {name: [(f.first, f.last) for f in store.files(step[name])] for name in ("train_2", "test", "duplicates")}
    assert found == {"train_2": [("a", "\u00e9")], "test": [(None, None)], "duplicates": [(None, None)]}


def test_a_damaged_part_is_not_read(tmp_path: Path) -> None:
    store, step = Store.at(str(tmp_path)), STEPS["problems"]
    attempt = Attempt(store, step)
    attempt.write_records("train_2", [Problem("a", "q")], Problem)
    attempt.commit({})
    (file,) = store.files(step["train_2"])
    path = tmp_path / step.directory / file.path
    path.write_bytes(path.read_bytes().replace(b"q", b"r"))
    with pytest.raises(ValueError, match="is damaged"):
        read_part(store, part_of(step.directory, [file], Shard()), Shard(), Problem)


ids = st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=3), min_size=1, max_size=40, unique=True)


@settings(deadline=None, max_examples=60)
@given(ids, st.integers(1, 7), st.integers(1, 7), st.integers(1, 300), st.sampled_from([1, 5, math.inf]))
def test_shards_hold_every_problem_once(
    tmp_path_factory: pytest.TempPathFactory, found: list[str], one: int, other: int, size: int, shard_rows: float
) -> None:
    """Whatever the ids, the order of rows in the tables and the sizes of their files."""
    store = Store.at(str(tmp_path_factory.mktemp("shards")))

    def files(rows: list[Problem], per_file: int) -> list[File]:
        starts = range(0, len(rows), per_file)
        return [
            attempts.put(
                store.objects, "steps/x", f"{per_file}-{s}.parquet", parquet_bytes(rows[s : s + per_file], Problem)
            )
            for s in starts
        ]

    by_id, unsorted = [Problem(i, "q") for i in sorted(found)], [Problem(i, "q") for i in found]
    two = [files(by_id, one), files(unsorted, other + 7)]
    cut = plan_shards([(files, len(found)) for files in two], ShardSize(size, shard_rows))
    for table in two:
        rows = [read_part(store, part_of("steps/x", table, shard), shard, Problem) for shard in cut]
        assert sorted(p.problem_id for part in rows for p in part) == sorted(found)
        for shard, part in zip(cut, rows, strict=True):
            assert all(
                (shard.after is None or p.problem_id > shard.after)
                and (shard.last is None or p.problem_id <= shard.last)
                for p in part
            )


@pytest.mark.slow
def test_no_thread_of_arrow_s_outlives_a_read(tmp_path: Path) -> None:
    """One that lets go of Python's bytes while the interpreter ends makes the process end with SIGABRT: seen of a run
    that had done all."""
    code = f"""
import os
from w2s.records import Problem
from w2s.recipe import WorldProblems
from w2s.graph.step import step
from w2s.store.store import Store
from w2s.store.manifest import File
from w2s.store.tables import parquet_bytes
from w2s.store.attempt import Attempt
from w2s.store.attempt import Attempt
from w2s.store.store import Store
store, one = Store.at({str(tmp_path)!r}), step("problems", WorldProblems())
attempt = Attempt(store, one)
attempt.write_records("test", [Problem(str(n), "q") for n in range(1000)], Problem)
attempt.commit({{}})
before = len(os.listdir("/proc/self/task"))
path = store.objects.path(one.directory, store.files(one["test"])[0].path)
assert len(store.records(one["test"], Problem)) == len(store.read_records(path, Problem))
print(len(os.listdir("/proc/self/task")) - before)
"""
    assert fresh(code) == "0\n"
