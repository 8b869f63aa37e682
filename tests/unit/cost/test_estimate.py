"""What `w2s plan --resources` prints, and that a run on a preset that cannot hold its models ends before it starts."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from ray_jobs.cli.main import main
from ray_jobs.cost.measured import Measured
from ray_jobs.cost.rates import load_rates
from ray_jobs.cost.seconds import training_seconds
from ray_jobs.cost.work import all_work, split_rows
from ray_jobs.driver.checks.experiment import _check_memory
from ray_jobs.driver.costs.estimate import estimate, shape_of
from ray_jobs.driver.forecast import forecast
from ray_jobs.driver.grouping import only_scored
from ray_jobs.resources.presets import load_resources
from tests.conftest import w2s
from tests.unit.cost.test_memory import CONFIGS
from w2s.experiments.catalog import load
from w2s.experiments.overrides import set_fields
from w2s.graph.build import build_steps
from w2s.recipe import Experiment, Model


def paper(folder: Path, strong: str = "Llama-2-70b", weak: str = "Llama-3.1-8B") -> Experiment:
    """The paper's GSM8K experiment, with models that are configurations only."""
    shipped = load("gsm8k-llama2-7b")
    models: dict[str, Model] = {}
    for role, name in (("strong", strong), ("weak", weak)):
        (folder / name).mkdir(exist_ok=True)
        config = json.dumps(CONFIGS[name])
        (folder / name / "config.json").write_text(config)
        revision = f"sha256:{hashlib.sha256(config.encode()).hexdigest()}"
        models[role] = getattr(shipped, role).model_copy(update={"name": str(folder / name), "revision": revision})
    return shipped.model_copy(update=models)


def lines(experiment: Experiment, preset: str, *rates: str) -> str:
    steps, resources = build_steps(experiment), load_resources(preset)
    return "\n".join(estimate(steps, steps, resources, load_rates(resources, rates), Measured()))


def number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found, f"{pattern} is not in\n{text}"
    return float(found[1].replace(",", ""))


def test_the_plan_of_the_papers_experiment(tmp_path: Path) -> None:
    text = lines(paper(tmp_path), "cluster-70b")
    assert text.count(": fits, ") == 6 and "DOES NOT FIT" not in text, text
    assert "3,736 rows of train_1, 3,737 rows of train_2, 5,000 rows of test" in text
    held = number(r"steps hold ([\d,]+) GPU-hours", text)
    working = number(r"([\d,]+) of them working", text)
    assert 40 < held < 150 and working < held  # issue: 75 to 90, by another hand
    stay = number(r"whole run: ([\d,]+) GPU-hours", text)
    assert stay > held and number(r"([\d]+)% of them idle", text) == pytest.approx(100 * (1 - held / stay), abs=1.5)
    assert number(r"working, \$([\d,]+)", text) == pytest.approx(5.1 * held, rel=0.02)


def test_the_plan_counts_each_model_with_the_sizes_of_its_role(tmp_path: Path) -> None:
    experiment = paper(tmp_path)
    ours, alike = lines(experiment, "cluster-70b"), lines(experiment, "cluster-70b,weak={}")
    for text, engine, training, gpus in (
        (ours, "gpus_per_engine=1 max_engines=4", "workers=4 zero_stage=0", 4),
        (alike, "gpus_per_engine=4 max_engines=4", "workers=8 zero_stage=3", 8),
    ):
        assert re.search(rf"engine of .*Llama-3.1-8B, {engine}, GiB a GPU: weights", text), text
        assert re.search(rf"SFT of .*Llama-3.1-8B, {training}, GiB a GPU: weights", text), text
        assert number(r"weak_sft .* tokens to train; ([\d]+) GPUs", text) == gpus
        assert number(r"test_weak_floor .* to generate; ([\d]+) GPUs", text) == (4 if text == ours else 16)
    held = [number(r"steps hold ([\d,]+) GPU-hours", text) for text in (ours, alike)]
    assert held[0] < held[1]


def test_the_plan_says_which_bases_are_trained_in_4_bits(tmp_path: Path) -> None:
    experiment = paper(tmp_path, strong="Qwen3-32B")
    text = lines(experiment, "node-8gpu,gpus_per_engine=4,max_engines=2,quantize_base=true,zero_stage=0,workers=1")
    for method in ("SFT", "DPO", "ORPO"):
        training = rf"{method} of .*Qwen3-32B, workers=1 zero_stage=0 quantize_base=true, GiB a GPU: weights 18.*: fits"
        assert re.search(training, text), text
    assert re.search(r"SFT of .*Llama-3.1-8B, workers=1 zero_stage=0, GiB a GPU: weights 15", text), text
    whole = lines(experiment, "node-8gpu,gpus_per_engine=4,max_engines=2,zero_stage=0,workers=1")
    assert re.search(r"SFT of .*Qwen3-32B.* DOES NOT FIT", whole), whole


def test_rates_and_prices_change_the_plan(tmp_path: Path) -> None:
    experiment = paper(tmp_path)
    usual, dear = lines(experiment, "cluster-70b"), lines(experiment, "cluster-70b", "dollars=10", "answer_tokens=300")
    generated = r"sampled +3,737 rows.* ([\d.]+) M to generate"
    assert number(generated, dear) == pytest.approx(2 * number(generated, usual), rel=0.01)
    assert number(r"working, \$([\d,]+)", dear) > 2 * number(r"working, \$([\d,]+)", usual)
    with pytest.raises(ValueError, match="--rates price=3: Rates has no field 'price'"):
        load_rates(load_resources("one-gpu"), ["price=3"])


@pytest.mark.parametrize(
    ("preset", "strong", "message"),
    [
        ("one-gpu", "Llama-2-70b", "engine of .*Llama-2-70b does not fit: it takes at least .* GiB of each GPU"),
        ("node-8gpu", "Qwen3-32B", "engine of .*Qwen3-32B does not fit"),
        ("cluster-70b,zero_stage=0", "Llama-3-70b", "SFT of .*Llama-3-70b does not fit"),
        ("cluster-70b", "", r"SFT of .*Llama-3-70b does not fit: .* or weak.workers \(with weak.zero_stage=3\)"),
    ],
)
def test_a_preset_that_does_not_fit_says_so(preset: str, strong: str, message: str, tmp_path: Path) -> None:
    experiment = paper(tmp_path, strong) if strong else paper(tmp_path, weak="Llama-3-70b")
    with pytest.raises(ValueError, match=message):
        _check_memory(build_steps(experiment), load_resources(preset))
    assert "DOES NOT FIT" in lines(experiment, preset)


@pytest.mark.parametrize(
    ("preset", "strong", "message"),
    [
        ("one-gpu,gpu_gib=80", "Llama-3.1-8B", "full SFT of .*8B does not fit: it takes at least 134.6 GiB .*: leave "),
        (
            "cluster-70b",
            "Llama-2-70b",
            "full SFT of .*70b does not fit: it takes at least 150.1 GiB .*: leave lora=none",
        ),
        ("cluster-70b", "Llama-3.1-8B", ""),
    ],
)
def test_all_weights_are_counted_and_refused_where_they_do_not_fit(
    preset: str, strong: str, message: str, tmp_path: Path
) -> None:
    experiment = set_fields(paper(tmp_path, strong), ["sft.lora=none"])
    if message:
        with pytest.raises(ValueError, match=message):
            _check_memory(build_steps(experiment), load_resources(preset))
        assert "full SFT of" in lines(experiment, preset) and "DOES NOT FIT" in lines(experiment, preset)
        return
    _check_memory(build_steps(experiment), load_resources(preset))
    assert "full DPO of" in lines(experiment, preset)


@pytest.mark.parametrize("preset", ["cluster-70b", "local"])
def test_a_preset_that_fits_passes(preset: str, tmp_path: Path) -> None:
    experiment = paper(tmp_path)
    _check_memory(build_steps(experiment), load_resources(preset))


def test_float16_engines_take_what_bfloat16_engines_take(tmp_path: Path) -> None:
    experiment = paper(tmp_path)
    texts: list[str] = []
    for dtype in ("float16", "bfloat16"):
        resources = load_resources(f"cluster-70b,engine_dtype={dtype}")
        _check_memory(build_steps(experiment), resources)
        steps, rates = build_steps(experiment), load_rates(resources, [])
        texts.append("\n".join(estimate(steps, steps, resources, rates, Measured())))
    assert texts[0] == texts[1]


def test_a_done_run_costs_nothing(tmp_path: Path) -> None:
    experiment, resources = paper(tmp_path), load_resources("cluster-70b")
    text = "\n".join(estimate(build_steps(experiment), [], resources, load_rates(resources, []), Measured()))
    assert "in all 0.0 hours; steps hold 0 GPU-hours" in text


@pytest.mark.slow
def test_the_command_on_a_laptop(tmp_path: Path) -> None:
    done = w2s("plan", "quickstart", "--store", str(tmp_path), "--resources", "local")
    assert "M to generate" in done.stdout and "no GPUs" in done.stdout
    refused = w2s("plan", "quickstart", "--store", str(tmp_path), "--rates", "dollars=1", check=False)
    assert refused.returncode == 2 and "--resources PRESET" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--resources", "locl"], "locl"), (["--resources", "local", "--rates", "dolars=1"], "no field 'dolars'")],
)
def test_wrong_resources_and_rates_are_refused_before_anything_is_printed(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "quickstart", "--store", str(tmp_path), *arguments]) == 2
    shown = capsys.readouterr()
    assert not shown.out and said in shown.err and shown.err.count("\n") == 1


@pytest.mark.parametrize(("preset", "in_turn"), [("one-gpu", True), ("node-8gpu", True), ("cluster-70b", False)])
def test_engines_and_trainers_take_turns_where_they_must(preset: str, in_turn: bool, tmp_path: Path) -> None:
    experiment, resources = paper(tmp_path, strong="Llama-3.1-8B"), load_resources(preset)
    steps, rates = build_steps(experiment), load_rates(resources, [])
    works = all_work(steps, split_rows(experiment.problems, rates, {}), rates)
    shapes = {experiment.strong.name: shape_of(experiment.strong)}
    costs = forecast(steps, only_scored(steps), works, shapes, resources, rates, Measured())
    assert sorted(name for spell in costs.spells for name in spell.steps) == sorted(works)
    busy = sum(spell.end - spell.begin for spell in costs.spells)
    assert (costs.seconds == pytest.approx(busy)) == in_turn and costs.seconds <= busy + 1e-6
    assert 0 <= costs.idle < 1 and (not in_turn or costs.idle == pytest.approx(0, abs=1e-9))
    ends = {step: end for spell in costs.spells for step, end in zip(spell.steps, spell.ends, strict=True)}
    for spell in costs.spells:
        at_once = sum(other.gpus for other in costs.spells if other.begin <= spell.begin < other.end)
        assert at_once <= costs.gpus, "more GPUs than the nodes have"
        for name in spell.steps:
            above = [table.step.name for step in steps if step.name == name for _, table in step.inputs]
            assert all(ends.get(step, 0.0) <= spell.begin for step in above), "before its inputs"


def test_the_shape_of_a_revision_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "cache"))
    model = paper(tmp_path).strong
    shape, config = shape_of(model), tmp_path / "Llama-2-70b" / "config.json"
    config.unlink()
    assert shape_of(model) == shape
    for other in (model.model_copy(update={"revision": "sha256:other"}), model.model_copy(update={"revision": None})):
        with pytest.raises(ValueError, match="config"):
            shape_of(other)
    config.write_text(json.dumps(CONFIGS["Llama-3.1-8B"]))
    (remembered,) = (tmp_path / "cache").glob("shape-*")
    remembered.write_text("")  # as a power cut leaves it
    assert shape_of(model).hidden == CONFIGS["Llama-3.1-8B"]["hidden_size"]


def test_dpo_passes_over_its_pairs_once_for_the_reference(tmp_path: Path) -> None:
    """With gradient checkpointing three passes an epoch, and in one epoch a fourth."""
    resources, seconds = load_resources("one-gpu"), dict[tuple[str, int], float]()
    for epochs in (1, 3):
        changed = set_fields(paper(tmp_path), [f"{loss}.epochs={epochs}" for loss in ("dpo", "orpo")])
        steps, rates = build_steps(changed), load_rates(resources, [])
        work = all_work(steps, split_rows(changed.problems, rates, {}), rates)
        shape = shape_of(changed.strong)
        for loss in ("dpo", "orpo"):
            seconds[loss, epochs] = training_seconds(work[loss], shape, resources, rates)
    assert seconds["dpo", 1] / seconds["orpo", 1] == pytest.approx(4 / 3)
    assert seconds["dpo", 3] / seconds["orpo", 3] == pytest.approx(10 / 9)
