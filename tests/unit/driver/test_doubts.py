"""Early warnings: each sign is told when its step has ended, and stops the run only where that was asked for."""

from pathlib import Path
from typing import Any

import pytest

from ray_jobs.driver.doubts import Doubts
from ray_jobs.resources.presets import load_resources
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.progress import Progress
from tests.unit.cli.small_run import commit, completion, small_run, steps_of
from w2s.graph.step import Step
from w2s.method.votes import SHARE_BINS
from w2s.records import Problem, Reference
from w2s.store.store import Store

IDS = [f"test-{number:03d}" for number in range(30)]


class Log(Progress):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def log(self, message: str) -> None:
        self.said.append(message)


def told(store: Store, steps: dict[str, Step], name: str, on_doubt: str = "warn") -> list[str]:
    log = Log()
    context = Context(store, load_resources(f"local,on_doubt={on_doubt}"), log)
    Doubts(list(steps.values()), context).look(steps[name])
    return log.said


def answered(folder: Path, **right: int) -> tuple[Store, dict[str, Step]]:
    """A store with 30 test problems, of which the named models have so many right."""
    store = Store.at(str(folder))
    problems, *_ = steps_of(store)
    test = {
        "test": [Problem(one, "?") for one in IDS],
        "test_references": [Reference(one, "4", "#### 4") for one in IDS],
    }
    commit(store, problems, test)
    steps = {step.name: step for step in steps_of(store)}
    for name, count in right.items():
        rows = [completion(one, "4" if number < count else "5") for number, one in enumerate(IDS)]
        commit(store, steps[f"test_{name}"], {"completions": rows})
    return store, steps


@pytest.mark.parametrize(
    ("right", "after", "said"),
    [
        ({"weak_floor": 0}, "weak_floor", ["weak_floor has 0 of the first 30 test problems right: the weak model has"]),
        ({"weak_floor": 1}, "weak_floor", []),
        ({"ceiling": 0}, "ceiling", []),
        ({"weak_floor": 9, "ceiling": 10}, "ceiling", []),
        (
            {"weak_floor": 9, "ceiling": 9},
            "ceiling",
            ["ceiling has 9 of the first 30 test problems right and w"],
        ),
        ({"weak_floor": 9, "ceiling": 8}, "weak_floor", ["there is no gap"]),
    ],
)
def test_floor_and_ceiling(right: dict[str, int], after: str, said: list[str], tmp_path: Path) -> None:
    found = told(*answered(tmp_path, **right), f"test_{after}")
    assert len(found) == len(said) and all(text in line for text, line in zip(said, found, strict=True)), found


def test_few_problems_say_nothing(tmp_path: Path) -> None:
    store = small_run(tmp_path)
    steps = {step.name: step for step in steps_of(store)}
    assert [told(store, steps, name) for name in ("test_weak_floor", "pairs", "audit", "weak_sft")] == [[]] * 4


def summaries(folder: Path, **documents: Any) -> tuple[Store, dict[str, Step]]:
    store = small_run(folder, without=("pairs", "audit"))
    steps = {step.name: step for step in steps_of(store)}
    commit(store, steps["pairs"], {"summary": documents.get("votes", {})})
    commit(store, steps["audit"], {"audit": documents.get("audit", {})})
    return store, steps


@pytest.mark.parametrize(("clear", "is_told"), [(1, True), (3, False)])
def test_flat_votes(clear: int, is_told: bool, tmp_path: Path) -> None:
    votes = {"vote_share": {SHARE_BINS[2]: 20, SHARE_BINS[7]: clear}}
    found = told(*summaries(tmp_path, votes=votes), "pairs")
    assert bool(found) is is_told and all(f"{clear} of {20 + clear} problems" in line for line in found)


@pytest.mark.parametrize(("chosen", "rejected", "is_told"), [(9, 2, False), (4, 2, True), (6, 7, True)])
def test_poor_pairs(chosen: int, rejected: int, is_told: bool, tmp_path: Path) -> None:
    def share(count: int) -> dict[str, int]:
        return {"numerator": count, "denominator": 10}

    audit = {"pairs": {"chosen_right": share(chosen), "rejected_right": share(rejected)}}
    found = told(*summaries(tmp_path, audit=audit), "audit")
    assert bool(found) is is_told and all("of the chosen sides are right" in line for line in found)


def test_what_a_run_does_about_it(tmp_path: Path) -> None:
    store, steps = answered(tmp_path, weak_floor=0)
    assert told(store, steps, "test_weak_floor", "ignore") == []
    with pytest.raises(ValueError, match=r"stopped after test_weak_floor: .*: --resources \.\.\.,on_doubt=warn"):
        told(store, steps, "test_weak_floor", "stop")
