"""Our own recipe with all its parts in one small run: a committee, a choice of the prompt, two rounds, adaptive samples
and weighted pairs. Its driver is killed half-way, and the next one does only what is missing."""

import json
from pathlib import Path

import pytest

from ray_jobs.api import read
from tests.conftest import w2s, wait_for
from tests.ray.driver.test_kill import kill, manifest, start

pytestmark = pytest.mark.ray
SETS = [
    "recipe=w2s",
    "sampled.n=3",
    "icl_sampled.n=3",
    "committee=2",
    "labels.choose_prompt=true",
    "iterations=2",
    'more_samples={"n":2,"margin":0.5,"budget":20}',
    "pairs.min_confidence=0.4",
    "pairs.min_margin=0.1",
    "pairs.min_pairs=1",
    "labels.min_kept=1",
    "orpo=none",
    "problems.train_1=32",
    "problems.train_2=40",
    "problems.test=8",
]


def finished(store: Path) -> dict[str, int]:
    """When each finished step was committed, by name."""
    paths = store.glob("steps/*/manifest.json")
    return {json.loads(path.read_text())["step"]: path.stat().st_mtime_ns for path in paths}


def test_every_part_of_our_recipe_survives_its_driver(store_folder: Path) -> None:
    chosen = ["--set", *SETS, "--only", "dpo"]
    driver = start(store_folder, *chosen)
    wait_for(lambda: "labels_1" in finished(store_folder), 400, "the first labels")
    kill(driver, store_folder)
    before = finished(store_folder)
    assert "m_plus_2" not in before, "the kill came too late to prove anything"
    w2s("run", "quickstart", "--store", str(store_folder), *chosen)
    assert finished(store_folder).items() >= before.items(), "a finished step was run again"

    run = read("quickstart", str(store_folder), SETS)
    outcomes = manifest(store_folder, "weak_committee")[1]["counts"]
    assert sum(outcomes.values()) == 40 == len(run.rows("weak_committee", "completions")), outcomes  # type: ignore[attr-defined]
    assert run.document("labels_1", "summary")["prompt"]["consistency_without"] > 0
    asked = [row.problem_id for row in run.rows("open_votes", "train_2")]
    more = [row.problem_id for row in run.rows("more_samples", "completions")]
    assert 0 < len(asked) <= 10 and sorted(more) == sorted([*asked, *asked])
    votes = {row.problem_id: row.samples for row in run.rows("pairs", "consensus")}
    assert all(votes[problem] == 3 + 2 * (problem in asked) for problem in votes)
    weights = {row.confidence for row in run.rows("pairs", "pairs")}
    _, trained = manifest(store_folder, "dpo")
    assert len(weights) > 1 and trained["recipe"]["preference"]["weighted"], weights  # type: ignore[index]
