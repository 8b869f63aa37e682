"""Sizes of the weak model's steps beside the strong model's: which steps take them, and what they change."""

from dataclasses import replace

import pytest

from ray_jobs.cli.asking.models import models
from ray_jobs.cost.memory import engine_memory, training_memory
from ray_jobs.driver.admission import request_of
from ray_jobs.driver.checks.experiment import check_machine
from ray_jobs.driver.forecast import preset_nodes
from ray_jobs.resources.deepspeed import accumulation, deepspeed_config
from ray_jobs.resources.presets import PRESETS, load_resources
from ray_jobs.resources.weak import WeakSizes
from tests.benchmarks.scale import WEAK
from tests.unit.cost.test_memory import CONTEXT, RANK, TARGETS, TOKENS
from tests.unit.cost.test_memory import shape as shape_of
from w2s.experiments.catalog import load, names
from w2s.experiments.overrides import set_fields
from w2s.graph.build import build_steps
from w2s.graph.evaluate import Asked, build_evaluation
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.recipe import Answers, Evaluation, Sampling, Source, TestProblems

CLUSTER = PRESETS["cluster-70b"]
TRUST = ["labels.min_share=0.5", "stage_one=trust", 'icl_sampled={"n":4,"temperature":1.0}']


@pytest.mark.parametrize("changes", [[], ["committee=3"], TRUST, ["weak_sft.lora=none"], ["weak_sft=none"]], ids=str)
def test_the_steps_of_the_weak_model_are_weak_and_no_others(changes: list[str]) -> None:
    for name in names():
        given = load(name)
        if given.weak_sft is None and changes and changes != TRUST:
            continue  # its weak model is not trained
        experiment = set_fields(given, changes)
        for step in build_steps(experiment):
            uses_weak = isinstance(step.recipe, FineTune | Prefer | Sample) and step.recipe.model == experiment.weak
            assert (step.role == "weak") == uses_weak, f"{name}: {step.name}"


def test_a_model_that_is_both_is_strong_and_a_role_is_in_no_fingerprint() -> None:
    given = load("quickstart")
    both = given.model_copy(update={"weak": given.strong})
    other_prompt = given.model_copy(
        update={"weak": given.strong.model_copy(update={"prompt": given.strong.prompt.model_copy(update={"stop": ()})})}
    )
    assert {step.role for one in (both, other_prompt) for step in build_steps(one)} == {"strong"}
    same = {step.name: step for step in build_steps(both)}
    apart = {step.name: step for step in build_steps(given)}
    weak = apart["weak_sft"]
    assert weak.role == "weak" and same["weak_sft"].role == "strong"
    assert replace(weak, role="strong") == weak and replace(weak, role="strong").fingerprint == weak.fingerprint


def test_a_model_that_is_asked_again_keeps_its_role() -> None:
    asked = models(build_steps(load("quickstart")))
    assert {name for name, one in asked.items() if one.role == "weak"} == {"weak_floor"}
    problems = TestProblems(test=Source(name="x.jsonl", answer="a"))
    evaluation = Evaluation(
        problems=problems, model=None, answers=Answers(), greedy=Sampling(), sampled=Sampling(n=2, temperature=1.0)
    )
    steps, _ = build_evaluation(
        evaluation, [asked["weak_floor"], asked["strong_base"], Asked("x", load("hard").strong)]
    )
    assert {step.name for step in steps if step.role == "weak"} == {"test_weak_floor", "test_weak_floor_samples"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local", {"workers": 1, "gpus_per_engine": 0, "zero_stage": 0}),
        ("local,workers=2", {"workers": 2}),
        ("local,workers=2,weak.workers=1", {"workers": 1, "micro_batch": 4}),
        ("cluster-70b", {"gpus_per_engine": 1, "zero_stage": 0, "gradient_checkpointing": False, "gpu_gib": 80}),
        ("cluster-70b,weak.workers=1,weak.micro_batch=8", {"workers": 1, "micro_batch": 8, "gpus_per_engine": 1}),
        ("cluster-70b,weak.gpus_per_engine=none", {"gpus_per_engine": 4}),
        ("cluster-70b,weak={}", {"gpus_per_engine": 4, "workers": 8, "zero_stage": 3, "max_engines": 4}),
        ("cluster-70b,gpus_per_engine=0", {"gpus_per_engine": 0}),
        ("cluster-70b,max_engines=8,min_engines=6", {"min_engines": 4, "max_engines": 4}),
        ("one-gpu,quantize_base=true", {"quantize_base": True}),
        ("one-gpu,weak.quantize_base=true", {"quantize_base": True}),
        ("node-8gpu,quantize_base=true,zero_stage=0", {"quantize_base": False}),
        ("node-8gpu", {"gpus_per_engine": 1, "workers": 8, "zero_stage": 0, "gradient_checkpointing": True}),
    ],
)
def test_sizes_of_each_role(text: str, expected: dict[str, object]) -> None:
    resources = load_resources(text)
    weak, strong = resources.of("weak"), resources.of("strong")
    assert {name: getattr(weak, name) for name in expected} == expected
    assert strong == resources.changed(weak=WeakSizes()) and weak.of("weak") == weak == weak.of("strong")
    others = set(type(weak).model_fields) - set(WeakSizes.model_fields) - {"min_engines"}
    assert all(getattr(weak, name) == getattr(strong, name) for name in others)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("local,weak.worker=1", r"weak.worker=1: WeakSizes has no field 'worker' \(did you mean workers\?\); it has "),
        ("local,waek.workers=1", r"Resources has no field 'waek' \(did you mean weak\?\)"),
        (
            "local,weak.workers=0",
            "--resources weak.workers=0: workers: Input should be greater than or equal to 1",
        ),
        ("local,weak.workers=two", "weak.workers=two: workers: Input should be a valid integer"),
        ("local,weak.zero_stage=2", "zero_stage: Input should be 0 or 3"),
        ("local,weak.gpus_per_engine=0", "gpus_per_engine: Input should be greater than or equal to 1"),
        ("local,weak=2", "weak: Input should be an object; set weak.max_engines=... or"),
        (
            "one-gpu,quantize_base=true,weak.zero_stage=3",
            "weak.zero_stage=3: for the weak model: quantize_base=true with ",
        ),
        ("local,weak.train_dtype=float32", "WeakSizes has no field 'train_dtype'"),
    ],
)
def test_wrong_sizes_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_resources(text)


def test_every_preset_takes_the_papers_batch_for_the_weak_model_too() -> None:
    assert all(accumulation(8, preset.of("weak")) >= 1 for preset in PRESETS.values())


def test_a_batch_that_the_weak_sizes_do_not_divide_names_them_and_the_way_out_works() -> None:
    sizes = load_resources("cluster-70b,weak.workers=3,weak.micro_batch=1").of("weak")
    message = (
        "weak_sft.batch_size=8 is not divisible by weak.workers x weak.micro_batch = 3 x 1 = 3: add weak.workers=2,"
        "weak.micro_batch=1 to --resources"
    )
    with pytest.raises(ValueError, match=message):
        accumulation(8, sizes, "weak_sft.batch_size", "weak.")
    found = load_resources("cluster-70b,weak.workers=3,weak.micro_batch=1,weak.workers=2,weak.micro_batch=1").of("weak")
    assert accumulation(8, found) == 4


def test_requests_and_deepspeed_follow_the_role() -> None:
    weak, strong = CLUSTER.of("weak"), CLUSTER.of("strong")
    assert request_of(weak, "sample").gpus == 1 and request_of(strong, "sample").gpus == 4
    assert request_of(weak, "finetune").gpus == weak.workers < request_of(strong, "finetune").gpus == 8
    assert deepspeed_config(weak)["zero_optimization"] == {"stage": 0}
    wide = load_resources("cluster-70b,weak.max_engines=64,weak.workers=32,workers=8")
    assert sum(node.gpus for node in preset_nodes(wide)) == 64 + 32, "nodes hold the larger role"
    with pytest.raises(ValueError, match=r"^weak_sft: --resources asks for 9 GPU, and this"):
        check_machine(
            build_steps(load("quickstart")),
            load_resources("node-8gpu,weak.workers=9"),
            {"CPU": 512.0, "GPU": 8.0},
        )


@pytest.mark.parametrize("preset", ["node-8gpu", "cluster-70b"])
@pytest.mark.parametrize("name", ["Llama-2-7b", "Llama-3.1-8B"])
def test_a_weak_model_of_8_billion_parameters_fits(preset: str, name: str) -> None:
    sizes, shape = load_resources(preset).of("weak"), WEAK if name == "Llama-2-7b" else shape_of(name)
    adapter = shape.adapter(RANK, TARGETS)
    assert training_memory(shape, sizes, adapter, TOKENS, "SFT").spare > 0
    assert engine_memory(shape, sizes, CONTEXT, adapter).spare > 0
