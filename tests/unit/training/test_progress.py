"""What the reporter carries to the driver, and what the driver's log then says."""

import io
from types import SimpleNamespace

import pytest
import ray

from ray_jobs.runtime.progress import Progress
from ray_jobs.training import progress
from ray_jobs.training.job import summary
from ray_jobs.training.progress import Follower, Reporter
from ray_jobs.training.values import Refusal, RowCounts, StepLoss, StepsDone, TrainingResult

RESULT = TrainingResult(
    files=(),
    rows=RowCounts(examples=5, too_long=2, with_stop_string=0, tokens=90, boundary_merges=1, padded_rows=3),
    steps=2,
    resumed_at_step=1,
    world_size=4,
    adapted_layers=14,
    losses=(StepLoss(1, 0.5), StepLoss(2, 0.25)),
)


def test_the_reporter_keeps_the_latest_progress_and_the_outcome() -> None:
    reporter = Reporter()
    assert reporter.done() is None and reporter.saves() == 0
    with pytest.raises(AssertionError, match="without a result"):
        reporter.outcome()
    reporter.advanced(StepsDone(1, None))
    reporter.advanced(StepsDone(2, 0.25))
    reporter.saved()
    reporter.finished(RESULT)
    assert (reporter.done(), reporter.saves(), reporter.outcome()) == (StepsDone(2, 0.25), 1, RESULT)
    reporter.refuse(Refusal("too long"))
    assert reporter.outcome() == Refusal("too long")


def test_the_result_as_counts_of_the_manifest_and_as_a_line_of_the_log() -> None:
    assert RESULT.counts() == {
        "examples": 5,
        "too_long": 2,
        "with_stop_string": 0,
        "tokens": 90,
        "boundary_merges": 1,
        "padded_rows": 3,
        "steps": 2,
        "resumed_at_step": 1,
        "world_size": 4,
        "adapted_layers": 14,
        "first_loss": 0.5,
        "last_loss": 0.25,
    }
    assert summary(RESULT) == "5 examples, 2 steps, 14 layers adapted, loss 0.5000 -> 0.2500, 2 left out as too long"


def test_the_follower_adds_up_to_the_steps_done_and_goes_back_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker group that resumes from step 3 has done fewer steps than the group that was lost."""
    first, latest = StepsDone(3, None), StepsDone(5, 0.5)
    polls = iter([None, first, latest, latest, first, StepsDone(6, 0.25)])
    shown: list[tuple[int, str]] = []
    log = Progress(io.StringIO())
    monkeypatch.setattr(log, "advanced", lambda name, more, note: shown.append((more, note)))
    monkeypatch.setattr(progress, "POLL_SECONDS", 0.0)

    def get(done: StepsDone | None) -> StepsDone | None:
        if done == StepsDone(6, 0.25):
            follower._stop.set()
        return done

    monkeypatch.setattr(ray, "get", get)
    handle = SimpleNamespace(done=SimpleNamespace(remote=lambda: next(polls)))
    follower = Follower(handle, "sft", log)
    with follower:
        follower._thread.join(10)
    assert shown == [(3, ""), (2, "loss 0.5000"), (-2, ""), (3, "loss 0.2500")]
