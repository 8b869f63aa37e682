"""Speeds that a store's finished steps have measured: which count, what a plan does with them, what a run records."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ray_jobs.cli.main import main
from ray_jobs.cost.measured import Measured, lengths, measured, speeds
from ray_jobs.cost.rates import load_rates
from ray_jobs.driver.costs.estimate import estimate
from ray_jobs.driver.costs.expected import expected
from ray_jobs.resources.presets import load_resources
from ray_jobs.runtime.devices import DeviceClock
from ray_jobs.training.group.reporter import Reporter
from ray_jobs.training.values import StepsDone, Waiting
from tests.unit.cli import small_run
from tests.unit.cli.small_run import steps_of
from tests.unit.cost.test_estimate import paper
from w2s.experiments.catalog import load, names
from w2s.experiments.overrides import set_fields
from w2s.graph.build import build_steps
from w2s.graph.fingerprint import stable
from w2s.store.attempt import Attempt
from w2s.store.manifest import Manifest
from w2s.store.store import Store

CORE = "core of A"
STEPS = {step.name: step for step in build_steps(load("quickstart"))}


def manifest(
    name: str,
    counts: dict[str, float],
    devices: dict[str, float],
    held: float,
    start: float,
    began: str = "2026-01-01T00:00:00Z",
) -> Manifest:
    step = STEPS[name]
    recipe: dict[str, Any] = stable(step.recipe)
    return Manifest(
        step=name, kind=step.kind, fingerprint="f", attempt="a", recipe=recipe, inputs={}, tables={}, rows={},
        counts=counts, files=(), versions={}, started=began, seconds=1.0, device_seconds=devices, held_seconds=held,
        start_seconds=start,
    )  # fmt: skip


def whole(name: str, counts: dict[str, float]) -> Manifest:
    """Of a training of all weights."""
    (step,) = (s for s in build_steps(set_fields(load("quickstart"), ["sft.lora=none"])) if s.name == name)
    inputs = {role: (table.step.name, table.name) for role, table in step.inputs}
    made = manifest(name, counts, {CORE: 30.0}, 30.0, 5.0)
    return made.model_copy(update={"recipe": stable(step.recipe), "inputs": inputs})


SAMPLED = manifest("sampled", {"sampled_tokens": 8000.0}, {CORE: 100.0}, 50.0, 10.0)  # 2 cores, 40 s of work
DPO = manifest("dpo", {"tokens": 500.0}, {CORE: 30.0}, 30.0, 5.0)


@pytest.mark.parametrize(
    ("found", "rates"),
    [
        ([SAMPLED], [("sampling", CORE, 1, 100.0, 10.0)]),
        ([DPO], [("DPO", CORE, 1, 20.0 * load("quickstart").dpo.epochs, 5.0)]),  # type: ignore[union-attr]
        ([SAMPLED, DPO, manifest("orpo", {"tokens": 10.0}, {CORE: 2.0}, 2.0, 1.0)], ["sampling", "DPO", "ORPO"]),
        # Steps that joined live engines have next to no start: the mean is what a step costs.
        (
            [SAMPLED, manifest("test_dpo", {"sampled_tokens": 2000.0}, {CORE: 20.0}, 10.0, 0.0)],
            [("sampling", CORE, 2, 100.0, 5.0)],
        ),
        # All weights are slower than an adapter.
        ([DPO, whole("dpo", {"tokens": 500.0})], ["DPO", "full DPO"]),
        ([whole("ceiling", {"tokens": 500.0})], ["full SFT"]),
        # The device of the newest step counts.
        (
            [
                SAMPLED,
                manifest("sampled", {"sampled_tokens": 90.0}, {"core of B": 9.0}, 9.0, 0.0, "2026-02-01T00:00:00Z"),
            ],
            [("sampling", "core of B", 1, 10.0, 0.0)],
        ),
        # GPUs and processors are apart.
        ([SAMPLED, manifest("sampled", {"sampled_tokens": 9000.0}, {"H100": 9.0}, 9.0, 0.0)], ["sampling", "sampling"]),
        # None of these has seconds of its tokens.
        ([manifest("dpo", {"tokens": 500.0, "resumed_at_step": 3.0}, {CORE: 30.0}, 30.0, 5.0)], []),
        ([manifest("dpo", {"tokens": 500.0}, {CORE: 30.0}, 0.0, 0.0)], []),  # written before starts were recorded
        ([manifest("sampled", {"completion_tokens": 9.0}, {CORE: 1.0}, 1.0, 0.0)], []),  # an earlier attempt's blocks
        ([manifest("sampled", {"sampled_tokens": 9.0}, {CORE: 1.0, "H100": 1.0}, 2.0, 0.0)], []),
        ([], []),
    ],
)
def test_which_steps_measure_what(found: list[Manifest], rates: list[Any]) -> None:
    made = speeds(found)
    if rates and isinstance(rates[0], str):
        assert sorted(work for work, _, _ in made) == sorted(rates)
        return
    told = [(of[0], s.device, s.steps, s.tokens_per_second, s.start_seconds) for of, s in made.items()]
    assert told == [pytest.approx(rate) if not isinstance(rate, tuple) else rate for rate in rates]


def finish(store: Store, name: str, seconds: float, start: float, cores: int, **counts: float) -> None:
    """Finish a step as if it had held cores for so many seconds."""
    (step,) = (step for step in steps_of(store) if step.name == name)
    attempt = Attempt(store, step)
    attempt.device_seconds, attempt.held_seconds, attempt.start_seconds = {CORE: cores * seconds}, seconds, start
    attempt.counts.update(counts)
    attempt.commit({})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with problems, weak SFT and the samples of M_plus finished, the latter two measured."""
    others = tuple(name for name in STEPS if name != "problems")
    store = small_run.small_run(tmp_path, without=others)
    finish(store, "full_weak_ft", 20.0, 5.0, 1, tokens=150.0)
    finish(store, "sampled", 30.0, 10.0, 2, sampled_tokens=4000.0)
    return store


def test_the_next_plan_from_the_same_store_counts_with_them(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "quickstart", "--store", store.objects.url, "--resources", "local"]) == 0
    said = capsys.readouterr().out
    assert (
        "measured: SFT of " in said
        and f"strong, {10 * load('quickstart').sft.epochs:.0f} tokens/s on a core of A" in said
        and " 5 s of start a step (a step of this store of 20" in said
    )
    assert "100 tokens/s on a core of A" in said
    unknown = said.split("not measured in this store: ")[1].splitlines()[0]
    assert "DPO of " in unknown and "sampling of package:w2s/data/bases/weak" in unknown and "core-hours" in said
    assert "1 rows of train_1, 4 rows of train_2, 2 rows of test" in said, "those of the store, not of the experiment"
    line = next(line for line in said.splitlines() if line.startswith("test_dpo"))
    tokens = 2 * min(150, load("quickstart").greedy.max_tokens)
    assert line.endswith(f"; {10 + tokens / 100:.0f} s on 1 core")
    assert "; " not in next(line for line in said.splitlines() if line.startswith("dpo "))


def test_a_run_records_what_it_expected(store: Store) -> None:
    steps = steps_of(store)
    made = expected(
        steps, [step for step in steps if step.name in ("dpo", "test_dpo", "pairs")], store, load_resources("local")
    )
    assert set(made) == {"dpo", "test_dpo"} and set(made["dpo"]) == {"trained_tokens"}
    seconds = 10 + made["test_dpo"]["sampled_tokens"] / 100
    assert made["test_dpo"]["seconds"] == pytest.approx(seconds, abs=0.1)
    assert made["test_dpo"]["device_seconds"] == pytest.approx(seconds, abs=0.1)


def test_on_gpus_the_table_counts_until_a_run_has_measured(tmp_path: Path) -> None:
    experiment, resources, rates = (
        paper(tmp_path),
        load_resources("cluster-70b"),
        load_rates(load_resources("cluster-70b"), []),
    )
    steps, store = build_steps(experiment), Store.at(str(tmp_path / "store"))
    made = expected(steps, steps, store, resources)
    assert all(of["device_seconds"] >= of["seconds"] > 0 for of in made.values())
    hours = max(of["done_after"] for of in made.values()) / 3600
    assert f"in all {hours:.1f} hours" in "\n".join(estimate(steps, steps, resources, rates, Measured()))
    assert len({of["run_began"] for of in made.values()}) == 1
    sampled = next(step for step in steps if step.name == "sampled")
    slow = manifest("sampled", {"sampled_tokens": 1000.0}, {"H100": 1000.0}, 1000.0, 0.0)
    found = Measured({}, speeds([slow.model_copy(update={"recipe": stable(sampled.recipe)})]))
    plain, measured_ = ("\n".join(estimate(steps, steps, resources, rates, m)) for m in (Measured(), found))
    assert "not measured in this store, so by the table of rates: SFT" in plain and "measured: sampling" not in plain
    assert "1 tokens/s on a H100" in measured_
    assert (
        float(measured_.split("steps hold ")[1].split()[0].replace(",", ""))
        > 1000
        > 150
        > float(plain.split("steps hold ")[1].split()[0])
    )


@pytest.mark.parametrize("name", names())
def test_every_experiment_is_expected_whole(name: str, tmp_path: Path) -> None:
    steps = build_steps(load(name))
    made = expected(steps, steps, Store.at(str(tmp_path)), load_resources("local"))
    kinds = {step.name for step in steps if step.kind in ("sample", "finetune", "prefer")}
    assert set(made) == kinds and all(value > 0 for of in made.values() for value in of.values())


def test_an_evaluation_is_expected_too(tmp_path: Path) -> None:
    from w2s.graph.evaluate import Asked, build_evaluation
    from w2s.recipe import Evaluation, Model, Source, TestProblems

    problems, given = (
        TestProblems(test=Source(name="exam.jsonl", solution="solution", rows=(0, 50))),
        load("quickstart"),
    )
    assert isinstance(given.strong, Model)
    asked = Evaluation(problems=problems, model=given.strong, answers=given.answers, greedy=given.greedy)
    steps, _ = build_evaluation(asked, [Asked("base", given.strong)])
    made = expected(steps, steps, Store.at(str(tmp_path)), load_resources("local"))
    assert {name: set(of) for name, of in made.items()} == {"test_base": {"sampled_tokens"}}


def test_an_empty_store_has_measured_nothing(tmp_path: Path) -> None:
    assert measured(Store.at(str(tmp_path)), list(STEPS.values())) == Measured()


def test_lengths_are_learned_from_what_the_same_bases_wrote() -> None:
    def sampled(name: str, revision: str = "a", demonstrations: bool = False, **counts: float) -> Manifest:
        made = manifest(name, counts, {}, 0.0, 0.0)
        inputs = {"demonstrations": ("steps/d", "demonstrations")} if demonstrations else {}
        recipe = made.recipe | {"model": {"revision": revision}}
        return made.model_copy(update={"recipe": recipe, "inputs": inputs})

    plain = sampled("sampled", problems=10, completions=40, prompt_tokens=300, completion_tokens=1000)
    shown = sampled("icl_completions", "b", True, problems=10, completions=10, prompt_tokens=9000, completion_tokens=50)
    other = sampled("sampled", "c", problems=1, completions=1, prompt_tokens=999, completion_tokens=999)
    trained = manifest("dpo", {"tokens": 500.0}, {}, 0.0, 0.0)
    assert lengths([plain, shown, other, trained], {"a", "b"}) == {"question_tokens": 30.0, "answer_tokens": 21.0}
    assert lengths([shown], {"b"}) == {"answer_tokens": 5.0}, "demonstrations are counted by themselves"
    assert lengths([other, trained], {"a"}) == lengths([sampled("sampled", problems=0)], {"a"}) == {}
    local, found = load_resources("local"), {"question_tokens": 30.0, "answer_tokens": 21.0}
    assert load_rates(local, [], found).answer_tokens == 21.0
    assert load_rates(local, ["answer_tokens=9"], found).answer_tokens == 9.0, "--rates comes last"
    steps = list(STEPS.values())
    lines = list(estimate(steps, steps, local, load_rates(local, ["answer_tokens=9"], found), Measured(lengths=found)))
    assert "measured: question_tokens, the means of this store's samples" in lines


@pytest.mark.parametrize(
    ("began", "start"), [(-5.0, 0.0), (0.0, 0.0), (4.0, 4.0), (10.0, 10.0), (99.0, 10.0)]
)  # another host's clock may be ahead
def test_a_clock_tells_the_start_from_the_work(began: float, start: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 100.0)
    clock, attempt = DeviceClock("GPU"), SimpleNamespace(device_seconds={}, held_seconds=0.0, start_seconds=0.0)
    monkeypatch.setattr(time, "time", lambda: 110.0)
    clock.take(attempt, 4, 100.0 + began)  # type: ignore[arg-type]
    assert (attempt.device_seconds, attempt.held_seconds, attempt.start_seconds) == ({"GPU": 40.0}, 10.0, start)


def test_a_training_s_work_begins_with_its_last_worker_group(monkeypatch: pytest.MonkeyPatch) -> None:
    reporter, now = Reporter(), 0.0
    reporter.add({"a": Waiting(None, 0)})
    monkeypatch.setattr(time, "time", lambda: now)
    told: list[float] = []
    for now, done in [(5.0, 0), (7.0, 1), (None, 0), (20.0, 1), (22.0, 2)]:
        if now is None:
            reporter.begins("a")
        else:
            reporter.advanced("a", StepsDone(done, None))
        told.append(reporter.states()["a"].since)
    assert told == [5.0, 5.0, 0.0, 20.0, 20.0]


def test_what_a_run_expected_is_in_the_manifest(tmp_path: Path) -> None:
    from ray_jobs.runtime.context import Context
    from ray_jobs.runtime.progress import Progress

    store = Store.at(str(tmp_path))
    step = steps_of(store)[0]
    context = Context(store, load_resources("local"), Progress(), estimates={"problems": {"seconds": 3.0}})
    context.finish(context.attempt(step), "done")
    found = store.manifest(step)
    assert found is not None and found.estimate == {"seconds": 3.0}
