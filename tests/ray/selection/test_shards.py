"""Steps in many shards through Ray Data, from a thread as the scheduler runs them: rows and counts as of one shard."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ray_jobs.runtime import local_ray, shards
from tests.unit.store.test_shards import STEPS, run
from w2s.store import attempt as attempts
from w2s.store.store import Store

pytestmark = pytest.mark.ray


def test_one_shard_and_many_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(tmp_path / "one")
    monkeypatch.setattr(attempts, "ROWS_PER_FILE", 40)
    monkeypatch.setattr(shards, "SHARD_BYTES", 2000)
    monkeypatch.setenv("RAY_NODE_TYPE_NAME", "head")  # as on the head of a cluster that can grow, where tasks stay
    try:
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(run, tmp_path / name) for name in ("many", "more")]
            for cut in both:
                for name, rows in whole.items():
                    assert cut.result()[name] == rows, name
    finally:
        local_ray.stop()
    assert len(Store.at(str(tmp_path / "many")).files(STEPS["pairs"]["pairs"])) > 3, "the step was to be cut"
