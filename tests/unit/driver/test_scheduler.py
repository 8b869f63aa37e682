"""The scheduler on fake jobs: when each step runs, which steps share an engine start, and that no step waits
forever."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.driver import scheduler
from ray_jobs.driver.grouping import only_scored
from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.requests import resource_request
from ray_jobs.runtime.context import Context
from ray_jobs.runtime.local_ray import Node
from ray_jobs.runtime.progress import Progress
from w2s.experiments.quickstart import quickstart
from w2s.graph.build import build_steps
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import Step
from w2s.store.lease.lease import LeaseLost
from w2s.store.lease.leases import Leases
from w2s.store.store import Store

EXPERIMENT = quickstart().model_copy(update={"iterations": 2})


@pytest.fixture(autouse=True)
def _folder_for_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def schedule(steps: list[Step], preset: str = "local") -> None:
    context = Context(Store.at("store", run="test"), load_resources(preset), Progress())
    with Leases(context.store.objects, context.store.run, print) as leases:
        scheduler.Scheduler(steps, only_scored(steps), context).run(leases)


class Recorder:
    """Fake jobs that take `seconds`, check that their inputs are done and record which steps ran together."""

    def __init__(self, fail: str = "", seconds: float = 0.01) -> None:
        self.groups: list[list[str]] = []
        self.requests: list[dict[str, float]] = []
        self.most: dict[str, float] = {"CPU": 0, "GPU": 0}
        self.done: set[str] = set()
        self.fail, self.seconds, self.lock = fail, seconds, threading.Lock()

    def job(self, steps: Sequence[Step], context: Context, *shared: Any) -> None:
        joined = context.joins and isinstance(steps[0].recipe, FineTune | Prefer)  # workers that are counted already
        request = dict[str, float]() if joined else resource_request(context.resources, steps[0].kind)
        with self.lock:
            assert all(table.step.name in self.done for step in steps for _, table in step.inputs), (
                "a step ran before its inputs"
            )
            self.groups.append([step.name for step in steps])
            self.requests.append(request)
            for key in self.most:
                self.most[key] = max(self.most[key], sum(request.get(key, 0) for request in self.requests))
        time.sleep(self.seconds)
        if self.fail in [step.name for step in steps]:
            raise RuntimeError("it broke")
        with self.lock:
            self.requests.remove(request)
            self.done.update(step.name for step in steps)


@pytest.fixture(autouse=True)
def _cluster(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A cluster without Ray that is never short of anything; returns the calls of `abandon`."""
    done: list[str] = []
    monkeypatch.setattr(scheduler.local_ray, "start", lambda: None)
    monkeypatch.setattr(scheduler.local_ray, "is_own", lambda: False)
    monkeypatch.setattr(scheduler.local_ray, "shortage", lambda *request: "")
    monkeypatch.setattr(scheduler.local_ray, "abandon", lambda: done.append("abandoned"))
    return done


def scheduled(
    monkeypatch: pytest.MonkeyPatch, recorder: Recorder, cpus: float, gpus: float = 0, preset: str = "local"
) -> Recorder:
    steps = list(build_steps(EXPERIMENT))
    monkeypatch.setattr(scheduler, "run_steps", recorder.job)
    monkeypatch.setattr(scheduler.local_ray, "nodes", lambda: [Node(cpus, gpus)])
    schedule(steps, preset)
    assert recorder.done == {step.name for step in steps}
    return recorder


@pytest.mark.parametrize("cpus", [0.5, 1, 2, 64])
def test_every_step_runs_once_for_any_capacity(monkeypatch: pytest.MonkeyPatch, cpus: float) -> None:
    recorder = scheduled(monkeypatch, Recorder(), cpus)
    names = [name for group in recorder.groups for name in group]
    assert len(names) == len(set(names))
    assert recorder.most["CPU"] <= max(cpus, 1), "more CPUs were requested than the cluster has"


@pytest.mark.slow
def test_independent_trainings_run_side_by_side_where_they_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = scheduled(monkeypatch, Recorder(seconds=0.05), cpus=1000, gpus=64, preset="node-8gpu")
    narrow = scheduled(monkeypatch, Recorder(), cpus=1000, gpus=8, preset="node-8gpu")
    assert wide.most["GPU"] >= 24, "weak-ft, icl-ft and hybrid-ft at once"
    assert narrow.most["GPU"] == 8


def test_each_group_requests_and_gets_the_sizes_of_its_role(monkeypatch: pytest.MonkeyPatch) -> None:
    workers, engines, job = dict[str, int](), dict[str, int](), Recorder.job

    def work(self: Recorder, steps: list[Step], context: Context, *shared: Any) -> None:
        for step in steps:
            workers[step.name], engines[step.name] = context.resources.workers, context.resources.max_engines
        job(self, steps, context)

    monkeypatch.setattr(Recorder, "job", work)
    preset = "local,weak.workers=2,max_engines=7,weak.max_engines=3"
    scheduled(monkeypatch, Recorder(), cpus=64, preset=preset)
    weak = {"weak_sft", "weak_completions", "test_weak_floor"}
    assert {name for name, count in workers.items() if count == 2} == weak
    assert {name for name, count in engines.items() if count == 3} == weak and set(engines.values()) == {3, 7}
    run = scheduler.Scheduler(
        list(build_steps(EXPERIMENT)), (), Context(Store.at("store"), load_resources(preset), Progress())
    )
    requests = {step.name: run.request([step]) for step in run.missing}
    assert [
        (requests[name].count, requests[name].most) for name in ("weak_sft", "dpo", "test_weak_floor", "test_dpo")
    ] == [
        (2, 1),
        (1, 1),
        (1, 3),
        (1, 7),
    ]


@pytest.mark.parametrize(("cpus", "starts"), [(1, 5), (3, 2), (64, 2)])
def test_steps_of_one_base_share_engines_which_are_released_in_the_end(
    monkeypatch: pytest.MonkeyPatch, cpus: float, starts: int
) -> None:
    """With one CPU they give way to trainings: weak, weak ICL, iteration 2, samples and scores of both stages."""
    released: list[str] = []
    monkeypatch.setattr(scheduler.Pools, "release", lambda self, base: released.append(base))
    groups = scheduled(monkeypatch, Recorder(), cpus).groups
    assert ["weak_ft_1_completions", "icl_ft_1_completions"] in [
        [name for name in group if not name.startswith("test_")] for group in groups
    ]
    assert len(released) == starts, "as many as were started"
    assert released.count(str(EXPERIMENT.weak)) == 1


def test_engines_are_released_after_a_failure_too(monkeypatch: pytest.MonkeyPatch) -> None:
    released: list[str] = []
    monkeypatch.setattr(scheduler.Pools, "release", lambda self, base: released.append(base))
    with pytest.raises(RuntimeError, match="it broke"):
        scheduled(monkeypatch, Recorder(fail="pairs"), cpus=64)
    assert sorted(released) == sorted(map(str, (EXPERIMENT.weak, EXPERIMENT.strong)))


def test_trainings_of_one_base_share_a_worker_group_and_steps_start_at_the_commits_they_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The students of stage I train in one group; iteration 2 starts to sample before the group has ended."""
    recorder, job = Recorder(), Recorder.job
    sampling = threading.Event()

    def work(self: Recorder, steps: list[Step], context: Context, *shared: Any) -> None:
        if steps[0].name == "weak_ft_1_completions":
            sampling.set()
        if steps[0].name == "weak_ft_1":
            for step in steps[:2]:
                self.done.add(step.name)
                context.on_commit(step)
            assert sampling.wait(10), "the steps that need only these two commits wait for the whole group"
        job(self, steps, context)

    monkeypatch.setattr(Recorder, "job", work)
    trained = [
        group
        for group in scheduled(monkeypatch, recorder, cpus=2).groups
        if isinstance(kinds()[group[0]], FineTune | Prefer)
    ]
    assert [group[0] for group in trained] == ["weak_sft", "weak_ft_1", "hybrid_ft_2", "dpo"]
    assert trained[1][:2] == ["weak_ft_1", "icl_ft_1"] and "ceiling" in trained[1]


def test_a_step_that_another_run_holds_makes_no_other_step_of_its_group_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    (ceiling,) = [step for step in build_steps(EXPERIMENT) if step.name == "ceiling"]
    recorder, job = Recorder(), Recorder.job
    with Leases(Store.at("store").objects, "other", print) as other:
        assert other.acquire([ceiling]) == [ceiling]

        def work(self: Recorder, steps: list[Step], context: Context, *shared: Any) -> None:
            job(self, steps, context)
            if steps[0].name == "weak_ft_1":
                other.release([ceiling])

        monkeypatch.setattr(Recorder, "job", work)
        groups = scheduled(monkeypatch, recorder, cpus=2).groups
    assert ["weak_ft_1", "icl_ft_1", "full_weak_ft", "full_icl_ft", "hybrid_ft_1"] in groups and ["ceiling"] in groups


def kinds() -> dict[str, Any]:
    return {step.name: step.recipe for step in build_steps(EXPERIMENT)}


def test_a_failure_is_raised_and_starts_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(fail="consistent_1")
    with pytest.raises(RuntimeError, match="it broke"):
        scheduled(monkeypatch, recorder, 2)
    trained = [name for group in recorder.groups for name in group if isinstance(kinds()[name], FineTune | Prefer)]
    assert set(trained) <= {"weak_sft", "full_weak_ft", "full_icl_ft", "ceiling"}


@pytest.mark.slow
def test_another_step_that_fails_meanwhile_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder, job = Recorder(fail="audit"), Recorder.job

    def slow(self: Recorder, steps: list[Step], *rest: Any) -> None:
        if steps[0].name == "dpo":
            time.sleep(0.5)
            raise LeaseLost("another run took it")
        job(self, steps, *rest)

    monkeypatch.setattr(Recorder, "job", slow)
    with pytest.raises(RuntimeError, match="it broke"):
        scheduled(monkeypatch, recorder, cpus=64)
    assert "failed too: dpo, orpo: LeaseLost: another run took it" in capsys.readouterr().out


@pytest.mark.parametrize("fail", ["problems", "audit"])
def test_a_user_s_error_is_not_shown_twice_nor_cut(
    fail: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The caller prints it; the run's lines have it never, and the log once, if other steps still run."""
    why = f"{'row ' * 200}is wrong: repair it"

    def job(self: Recorder, steps: list[Step], *rest: Any) -> None:
        time.sleep(0.5 if steps[0].name == "dpo" else 0.01)
        if steps[0].name == fail:
            raise ValueError(why)
        self.done.update(step.name for step in steps)

    monkeypatch.setattr(Recorder, "job", job)
    with pytest.raises(ValueError, match=why):
        scheduled(monkeypatch, Recorder(), cpus=64)
    printed = capsys.readouterr()
    assert "row row" not in printed.out and printed.err.count(why) == (fail == "audit")
    assert ("waiting for the running steps to end: dpo, orpo" in printed.out) is (fail == "audit")


def test_ctrl_c_while_the_others_end_leaves_them(monkeypatch: pytest.MonkeyPatch, _cluster: list[str]) -> None:
    """If Ray is shut down while a thread uses it, the process ends with code 1, or never."""
    real, waits = scheduler.wait, list[object]()

    def wait(running: Any, **how: Any) -> Any:
        if not how:  # for all that still run
            waits.append(running)
            raise KeyboardInterrupt
        return real(running, **how)

    monkeypatch.setattr(scheduler, "wait", wait)
    with pytest.raises(KeyboardInterrupt):
        scheduled(monkeypatch, Recorder(fail="weak_sft"), cpus=64)
    assert waits and _cluster == ["abandoned"]


@pytest.mark.parametrize("own", [True, False])
def test_a_shortage_is_logged_or_an_error(
    own: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scheduler.local_ray, "is_own", lambda: own)
    monkeypatch.setattr(scheduler.local_ray, "shortage", lambda *request: "8 GPU, and the nodes have 4")
    if own:
        with pytest.raises(ValueError, match="--resources asks for 8 GPU, and the nodes have 4: choose"):
            scheduled(monkeypatch, Recorder(), cpus=64)
    else:
        scheduled(monkeypatch, Recorder(), cpus=64)
        assert "waiting for 8 GPU, and the nodes have 4; an autoscaler may add it" in capsys.readouterr().out


def test_leases_are_released(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scheduled(monkeypatch, Recorder(), cpus=2)
    with pytest.raises(RuntimeError, match="it broke"):
        scheduled(monkeypatch, Recorder(fail="consistent_1"), cpus=2)
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


def test_the_reason_is_the_innermost_cause() -> None:
    inner, outer = ValueError("the cause"), RuntimeError("wrapped")
    outer.__cause__ = inner
    assert scheduler.reason(outer) == "ValueError: the cause"


def test_progress_lines_name_step_counts_and_rate(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        progress = Progress(stream)
        progress.started("sampled", 10, "problems", 4)
        progress.advanced("sampled", 6, tokens=600, since=time.time() - 2)
        progress.finished("sampled", "10 completions")
    first, last = (tmp_path / "log").read_text().splitlines()
    assert "started, 10 problems, 4 there already" in first
    assert "10 completions, 3" in last or "10 completions, 2" in last
    assert last.endswith("tokens/s")


def test_equal_steps_under_two_names_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    same = EXPERIMENT.model_copy(update={"weak": EXPERIMENT.strong, "weak_sft": None})
    steps = list(build_steps(same))
    by_directory = {step.directory for step in steps}
    assert len(by_directory) < len(steps), "the floor and the strong base are one model here"
    recorder = Recorder()
    monkeypatch.setattr(
        Recorder, "job", lambda self, group, *rest: self.groups.append([step.directory for step in group])
    )
    monkeypatch.setattr(scheduler, "run_steps", recorder.job)
    monkeypatch.setattr(scheduler.local_ray, "nodes", lambda: [Node(2, 0)])
    schedule(steps)
    assert sorted(directory for group in recorder.groups for directory in group) == sorted(by_directory)


def test_a_training_that_ends_holds_nothing() -> None:
    """Its steps are committed before its workers are gone, and the next training starts beside live engines."""
    context = Context(Store.at("store"), load_resources("local"), Progress())
    run = scheduler.Scheduler(list(build_steps(EXPERIMENT)), (), context)
    group = [step for step in run.missing if step.name in ("hybrid_ft_1", "ceiling")]
    run.running[Future()] = group
    for done, held in (([], [group]), (group[:1], [group]), (group, [])):
        run.done |= {step.name for step in done}
        assert run.groups() == held


def test_trainings_that_have_joined_others_hold_nothing_until_these_have_ended() -> None:
    context = Context(Store.at("store"), load_resources("local"), Progress())
    run = scheduler.Scheduler(list(build_steps(EXPERIMENT)), (), context)
    named = {step.name: step for step in run.missing}
    joined, host, other = [named["dpo"], named["orpo"]], [named["ceiling"]], [named["weak_sft"]]
    future: Future[None] = Future()
    run.joined.add(future)
    run.running |= {future: joined, Future(): host, Future(): other}
    for done, held in (([], [host, other]), (host, [other, joined]), (joined, [other])):
        run.done |= {step.name for step in done}
        assert run.groups() == held
