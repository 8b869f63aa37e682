"""What the reporter carries to the driver, and what the driver's log then says."""

import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import ray
import ray.train

from ray_jobs.resources.presets import load_resources
from ray_jobs.runtime.progress import Progress
from ray_jobs.training import job as job_module
from ray_jobs.training.job import summary, train
from ray_jobs.training.progress import Follower, Reporter
from ray_jobs.training.rows.counts import RowCounts, TokenFiles
from ray_jobs.training.values import Refusal, StepLoss, StepsDone, StepState, TrainingResult

ROWS = RowCounts(examples=5, too_long=2, tokens=90, boundary_merges=1)
RESULT = TrainingResult(
    files=(),
    steps=2,
    resumed_at_step=1,
    world_size=4,
    adapted_layers=14,
    losses=(StepLoss(1, 0.5), StepLoss(2, 0.25)),
    trained_weights=2_560_000,
)


def test_the_reporter_keeps_the_latest_progress_and_the_outcome_of_each_step() -> None:
    reporter = Reporter(["sft", "dpo"])
    reporter.begins("sft")
    reporter.advanced("sft", StepsDone(1, None))
    reporter.advanced("sft", StepsDone(2, 0.25))
    reporter.saved("sft")
    reporter.begins("sft")
    reporter.ends("sft", RESULT)
    logged = (StepsDone(2, 0.25),)
    assert reporter.states() == {"sft": StepState(2, StepsDone(2, 0.25), 1, RESULT, logged=logged), "dpo": StepState()}
    reporter.ends("dpo", Refusal("too long"))
    assert reporter.states()["dpo"].outcome == Refusal("too long")


def test_rows_and_result_as_counts_of_the_manifest_and_as_a_line_of_the_log() -> None:
    assert TokenFiles((), ROWS, 0.0, {"left_out_truncated": 4}).numbers(batch_size=8) == {
        "left_out_truncated": 4,
        "examples": 5,
        "too_long": 2,
        "with_stop_string": 0,
        "only_thought": 0,
        "tokens": 90,
        "boundary_merges": 1,
        "padded_rows": 3,
    }
    assert RESULT.counts() == {
        "steps": 2,
        "resumed_at_step": 1,
        "world_size": 4,
        "adapted_layers": 14,
        "trained_weights": 2_560_000,
        "first_loss": 0.5,
        "last_loss": 0.25,
    }
    assert (
        summary(ROWS, RESULT) == "5 examples, 2 steps, 14 layers adapted, loss 0.5000 -> 0.2500, 2 left out as too long"
    )
    assert ", 14 layers adapted, its 8 experts not, loss " in summary(ROWS, replace(RESULT, experts=8))
    whole = replace(RESULT, adapted_layers=0, experts=8)
    assert ", 2 steps, all 2.6 million weights trained, loss " in summary(ROWS, whole)


def job(name: str) -> Any:
    return SimpleNamespace(step=SimpleNamespace(name=name), total=6)


def follower(reporter: Reporter, log: Progress, on_end: Any, monkeypatch: pytest.MonkeyPatch) -> Follower:
    """A follower of steps "sft" and "dpo", polled by the test alone."""
    monkeypatch.setattr(ray, "get", lambda states: states)
    handle = SimpleNamespace(states=SimpleNamespace(remote=reporter.states))
    return Follower(handle, [job("sft"), job("dpo")], log, on_end)


def test_the_follower_adds_up_to_the_steps_done_and_goes_back_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker group that resumes from step 3 has done fewer steps than the group that was lost."""
    shown: list[tuple[int, float | None, int]] = []
    log, reporter = Progress(io.StringIO()), Reporter(["sft", "dpo"])
    monkeypatch.setattr(log, "advanced", lambda name, more, loss, restarts=0: shown.append((more, loss, restarts)))
    following = follower(reporter, log, None, monkeypatch)
    for done in (StepsDone(3, None), StepsDone(5, 0.5), StepsDone(5, 0.5), StepsDone(3, None), StepsDone(6, 0.25)):
        if done.loss is None:
            reporter.begins("sft")
        reporter.advanced("sft", done)
        following.poll()
    assert shown == [(3, None, 0), (2, 0.5, 0), (-2, None, 1), (3, 0.25, 0)]


def test_no_logged_loss_is_left_out_between_two_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    log, reporter = Progress(io.StringIO()), Reporter(["sft", "dpo"])
    following = follower(reporter, log, None, monkeypatch)
    reporter.begins("sft")
    for entries in [
        [StepsDone(0, None), StepsDone(1, 0.9)],
        [StepsDone(2, 0.8), StepsDone(3, 0.7), StepsDone(4, 0.6)],
        [StepsDone(3, None), StepsDone(4, 0.55), StepsDone(6, 0.5)],  # a group that resumes after step 3
    ]:
        for entry in entries:
            reporter.advanced("sft", entry)
        following.poll()
    assert log.curves() == {"loss/sft": [(1, 0.9), (2, 0.8), (3, 0.7), (4, 0.6), (6, 0.5)]}
    assert [entry.steps for entry in reporter.states()["sft"].logged] == [1, 2, 3, 4, 6]
    assert [entry.loss for entry in reporter.states()["sft"].logged] == [0.9, 0.8, 0.7, 0.55, 0.5]


def test_the_follower_hands_over_each_step_as_it_ends_and_logs_a_step_when_it_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[tuple[str, Any]] = []
    stream, reporter = io.StringIO(), Reporter(["sft", "dpo"])
    following = follower(
        reporter, Progress(stream), lambda job, state: ended.append((job.step.name, state.outcome)), monkeypatch
    )
    assert [job.step.name for job in following.poll()] == ["sft", "dpo"]
    assert "sft" in stream.getvalue() and "dpo" not in stream.getvalue(), "dpo waits for sft"
    reporter.begins("sft")
    reporter.ends("sft", RESULT)
    assert [job.step.name for job in following.poll()] == ["dpo"] and ended == [("sft", RESULT)]
    assert "dpo" in stream.getvalue()
    reporter.ends("dpo", Refusal("too long"))
    assert not following.poll() and ended[1:] == [("dpo", Refusal("too long"))]


class Lost(Exception):
    """Stands for ray.train.TrainingFailedError."""


@pytest.mark.parametrize(
    ("losses", "max_failures", "finished", "failed"),
    [
        # Each number is a step at which one run of workers is lost for good, after it has ended the steps before.
        ([], 0, "a b c", ""),
        (["a"], 0, "b c", "a"),
        (["b"], 0, "a c", "b"),
        (["b", "b"], 1, "a c", "b"),
        (["b"], 1, "a b c", ""),  # another step of the run had used up Ray Train's count
        (["a", "a", "c", "c"], 1, "b", "a c"),
        (["none"], 1, "b c", "a"),  # workers that never begin a step do not wait for ever
        (["none", "none", "none"], 1, "", "a b c"),
    ],
)
def test_a_lost_step_leaves_the_others_of_its_group_alone(
    losses: list[str], max_failures: int, finished: str, failed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [SimpleNamespace(name=name) for name in "abc"]
    reporter = Reporter("abc")
    done, log, left = [], io.StringIO(), list(losses)

    def run_workers(jobs: Any) -> None:
        lost = left.pop(0) if left else ""
        for job in jobs:
            if lost == "none":
                raise Lost(job.step.name)
            reporter.begins(job.step.name)
            if job.step.name == lost:
                raise Lost(lost)
            reporter.ends(job.step.name, RESULT)

    monkeypatch.setattr(ray, "get", lambda value: value)
    monkeypatch.setattr(ray.train, "TrainingFailedError", Lost)
    handle = SimpleNamespace(states=SimpleNamespace(remote=reporter.states))
    monkeypatch.setattr(job_module, "start_reporter", lambda steps: handle)
    monkeypatch.setattr(job_module, "training_job", lambda step, *_: SimpleNamespace(step=step, total=1))
    monkeypatch.setattr(job_module, "run_workers", run_workers)
    monkeypatch.setattr(job_module, "finish", lambda job, *_: done.append(job.step.name))
    attempts = {step.name: SimpleNamespace(device_seconds={}, held_seconds=0.0, start_seconds=0.0) for step in steps}
    resources = load_resources(f"local,max_failures={max_failures}")
    context: Any = SimpleNamespace(
        attempt=lambda step: attempts[step.name], resources=resources, progress=Progress(log)
    )
    if failed:
        with pytest.raises(Lost, match=failed[0]):
            train(steps, context)  # pyright: ignore[reportArgumentType]
    else:
        train(steps, context)  # pyright: ignore[reportArgumentType]
    assert done == finished.split()
    assert {name for name, attempt in attempts.items() if attempt.device_seconds} == {*done}, "time is counted"
    assert [line.split()[1] for line in log.getvalue().splitlines() if " failed" in line] == failed.split()
