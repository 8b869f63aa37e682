"""What the reporter carries to the driver, and what the driver's log then says."""

import io
import time
from dataclasses import replace
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
import ray
import ray.train

from ray_jobs.resources.presets import load_resources
from ray_jobs.runtime.progress import Progress
from ray_jobs.training import job as job_module
from ray_jobs.training.group import groups as groups_module
from ray_jobs.training.group.follower import Follower
from ray_jobs.training.group.groups import Groups
from ray_jobs.training.group.reporter import Reporter, next_training
from ray_jobs.training.job import summary, train
from ray_jobs.training.rows.counts import RowCounts, TokenFiles
from ray_jobs.training.values import Refusal, StepLoss, StepsDone, StepState, TrainingResult, Waiting

ROWS = RowCounts(examples=5, too_long=2, tokens=90, boundary_merges=1, longest_row=20)
RESULT = TrainingResult(
    files=(),
    steps=2,
    resumed_at_step=1,
    world_size=4,
    adapted_layers=14,
    losses=(StepLoss(1, 0.5), StepLoss(2, 0.25)),
    trained_weights=2_560_000,
)


def known(*names: str) -> Reporter:
    """A reporter that knows these steps."""
    reporter = Reporter()
    assert reporter.add({name: Waiting(name, 0) for name in names})
    return reporter


def test_the_reporter_keeps_the_latest_progress_and_the_outcome_of_each_step() -> None:
    reporter = known("sft", "dpo")
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
        "longest_row": 20,
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
        "peak_bytes": 0,
    }
    logged = {"first_chosen_logp": -3.5, "first_rejected_logp": -7.0}
    assert replace(RESULT, first_logps=(-3.5, -7.0)).counts() == RESULT.counts() | logged
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
    following = Follower(handle, log, on_end)
    following.add([job("sft"), job("dpo")])
    return following


def test_the_follower_adds_up_to_the_steps_done_and_goes_back_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker group that resumes from step 3 has done fewer steps than the group that was lost."""
    shown: list[tuple[int, float | None, int]] = []
    log, reporter = Progress(io.StringIO()), known("sft", "dpo")
    monkeypatch.setattr(log, "advanced", lambda name, more, loss, restarts=0: shown.append((more, loss, restarts)))
    following = follower(reporter, log, None, monkeypatch)
    for done in (StepsDone(3, None), StepsDone(5, 0.5), StepsDone(5, 0.5), StepsDone(3, None), StepsDone(6, 0.25)):
        if done.loss is None:
            reporter.begins("sft")
        reporter.advanced("sft", done)
        following.poll()
    assert shown == [(3, None, 0), (2, 0.5, 0), (-2, None, 1), (3, 0.25, 0)]


def test_no_logged_loss_is_left_out_between_two_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    log, reporter = Progress(io.StringIO()), known("sft", "dpo")
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
    stream, reporter = io.StringIO(), known("sft", "dpo")
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
    reporter = Reporter()
    done, log, left = [], io.StringIO(), list(losses)

    def run_workers(*_: Any) -> None:
        lost = left.pop(0) if left else ""
        if lost == "none":
            raise Lost("no worker has started")
        while name := reporter.next():
            reporter.begins(name)
            if name == lost:
                raise Lost(lost)
            reporter.ends(name, RESULT)

    on_fakes(monkeypatch, reporter, run_workers, done)
    context = fake_context(max_failures, log)
    if failed:
        with pytest.raises(Lost, match=failed[0] if "none" not in losses else "no worker"):
            train(steps, context, Groups())  # pyright: ignore[reportArgumentType]
    else:
        train(steps, context, Groups())  # pyright: ignore[reportArgumentType]
    assert done == finished.split()
    attempts = context.attempts
    assert {name for name, attempt in attempts.items() if attempt.device_seconds} == {*done}, "time is counted"
    assert [line.split()[1] for line in log.getvalue().splitlines() if " failed" in line] == failed.split()


def on_fakes(monkeypatch: pytest.MonkeyPatch, reporter: Reporter, run_workers: Any, done: list[str]) -> None:
    """Let `train` run without Ray; `done` gets the names of the committed steps."""
    calls = {name: SimpleNamespace(remote=getattr(reporter, name)) for name in ("add", "drop", "states")}
    monkeypatch.setattr(ray, "get", lambda value: value)
    monkeypatch.setattr(ray, "put", lambda value: value)
    monkeypatch.setattr(ray.train, "TrainingFailedError", Lost)
    monkeypatch.setattr(groups_module, "start_reporter", lambda: SimpleNamespace(**calls))
    monkeypatch.setattr(groups_module, "run_workers", run_workers)
    monkeypatch.setattr(groups_module, "base_name", lambda step: "base")
    monkeypatch.setattr(job_module, "training_job", lambda step, *_: SimpleNamespace(step=step, total=1))
    monkeypatch.setattr(job_module, "finish", lambda job, *_, **__: done.append(job.step.name))


def fake_context(max_failures: int = 0, log: io.StringIO | None = None, **fields: Any) -> Any:
    """A context whose attempts only count seconds; they are its `attempts`, by the step's name."""
    attempts: dict[str, Any] = {}

    def attempt(step: Any) -> Any:
        return attempts.setdefault(step.name, SimpleNamespace(device_seconds={}, held_seconds=0.0, start_seconds=0.0))

    resources, progress = load_resources(f"local,max_failures={max_failures}"), Progress(log or io.StringIO())
    shared = {"chains": {}, "joins": False} | fields
    return SimpleNamespace(attempts=attempts, attempt=attempt, resources=resources, progress=progress, **shared)


@pytest.mark.parametrize(
    ("chains", "begun", "expected"),
    [
        ({}, "", None),
        ({"ceiling": 3, "dpo": 3}, "", "ceiling"),  # equal chains: the first
        ({"ceiling": 3, "icl_ft_1": 3, "hybrid_ft_2": 7}, "", "hybrid_ft_2"),  # joined later, and the run waits for it
        ({"ceiling": 3, "icl_ft_1": 3, "hybrid_ft_2": 7}, "icl_ft_1", "icl_ft_1"),  # lost its workers
        ({"dpo": 3}, "ceiling", "dpo"),  # has ended
    ],
)
def test_the_longest_chain_trains_next(chains: dict[str, int], begun: str, expected: str | None) -> None:
    assert next_training(chains, begun.split()) == expected


@pytest.mark.parametrize("lost", ["", "ceiling", "hybrid_ft_2"])
def test_trainings_join_the_workers_of_their_base_and_overtake_what_has_not_begun(
    lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What joins is trained by the workers that are there, before steps that nothing waits for, and only once; a lost
    worker costs the step that it was at, whoever brought the step."""
    reporter, groups, done, starts, order = Reporter(), Groups(), list[str](), list[str](), list[str]()
    chains = {"hybrid_ft_1": 7, "ceiling": 3, "icl_ft_1": 3, "hybrid_ft_2": 5}
    steps = {name: SimpleNamespace(name=name) for name in chains}
    errors, threads = list[Exception](), list[Thread]()

    def joins(name: str) -> None:
        try:
            train([steps[name]], fake_context(joins=True, chains=chains), groups)  # type: ignore[list-item]
        except Lost as error:
            errors.append(error)

    def run_workers(*_: Any) -> None:
        starts.append("")
        while name := reporter.next():
            reporter.begins(name)
            order.append(name)
            if name == "hybrid_ft_1":
                threads.append(Thread(target=joins, args=["hybrid_ft_2"]))
                threads[0].start()
                while "hybrid_ft_2" not in reporter.states():
                    time.sleep(0.01)
            if name == lost:
                raise Lost(lost)
            reporter.ends(name, RESULT)
        assert not reporter.add({"dpo": Waiting(None, 3)}), "the workers have been told to end"

    on_fakes(monkeypatch, reporter, run_workers, done)
    group = [steps[name] for name in ("hybrid_ft_1", "ceiling", "icl_ft_1")]
    try:
        train(group, fake_context(chains=chains), groups)  # type: ignore[arg-type]
    except Lost as error:
        errors.append(error)
    threads[0].join()
    assert order == ["hybrid_ft_1", "hybrid_ft_2", "ceiling", "icl_ft_1"]
    assert sorted(done) == sorted(name for name in order if name != lost)
    assert list(map(str, errors)) == [lost] * bool(lost) and len(starts) == 1 + bool(lost)


def test_trainings_that_come_too_late_start_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    groups, done, starts = Groups(), list[str](), list[str]()
    for name in ("ceiling", "dpo"):
        reporter = Reporter()

        def run_workers(*_: Any, reporter: Reporter = reporter) -> None:
            starts.append("")
            while step := reporter.next():
                reporter.ends(step, RESULT)

        on_fakes(monkeypatch, reporter, run_workers, done)
        train([SimpleNamespace(name=name)], fake_context(joins=True), groups)  # type: ignore[list-item]
    assert done == ["ceiling", "dpo"] and len(starts) == 2
