"""What the missing steps request is compared with this machine before anything starts."""

from pathlib import Path

import pytest

from ray_jobs.cost.memory import GIB
from ray_jobs.cost.shape import Shape
from ray_jobs.driver.checks import experiment as checks
from ray_jobs.driver.checks.experiment import check_host_memory, check_machine
from ray_jobs.resources.presets import load_resources
from ray_jobs.runtime import local_ray
from w2s.experiments.overrides import set_fields
from w2s.experiments.quickstart import quickstart
from w2s.graph.build import build_steps
from w2s.graph.recipes import FineTune, Prefer

STEPS = build_steps(quickstart())
PROBLEMS = [step for step in STEPS if step.kind.endswith("problems")]


@pytest.mark.parametrize(
    ("resources", "machine", "message"),
    [
        (
            "local,cpus_per_engine=9",
            (2, 0),
            r"test_strong_base.*: --resources asks for 9 CPU, and this machine has 2: ",
        ),
        ("local,workers=5,cpus_per_worker=1", (2, 0), "weak_sft.*: --resources asks for 5 CPU, and this machine has 2"),
        ("one-gpu", (64, 0), "asks for 1 GPU, and this machine has 0: choose a smaller preset"),
        ("node-8gpu", (512, 4), "asks for 8 GPU, and this machine has 4"),
        (
            "cluster-70b",
            (512, 8),
            "asks for nodes with w2s-nodes=[a-z]+, and this machine is none: set sampling_nodes=",
        ),
    ],
)
def test_a_request_above_the_machine_is_refused(resources: str, machine: tuple[int, int], message: str) -> None:
    size = {"CPU": float(machine[0]), "GPU": float(machine[1])}
    with pytest.raises(ValueError, match=message):
        check_machine(STEPS, load_resources(resources), size)
    check_machine(PROBLEMS, load_resources(resources), size)


@pytest.mark.parametrize("resources", ["local", "one-gpu", "node-8gpu", "cluster-70b,sampling_nodes=,training_nodes="])
def test_a_machine_that_has_it_passes(resources: str) -> None:
    check_machine(STEPS, load_resources(resources), {"CPU": 512.0, "GPU": 8.0})


SEVEN_BILLION = Shape(
    layers=32, hidden=4096, intermediate=11008, heads=32, kv_heads=32, head=128, vocabulary=32000, tied=False
)


@pytest.mark.parametrize(
    ("resources", "gib", "message"),
    [
        ("local", 26, "^weak_completions, test_weak_floor: weights and cpu_kv_cache_gib of .* take 27.1 .* has 26.0: "),
        ("local,cpu_kv_cache_gib=99", 64, r"take 124.1 GiB, .*, lower cpu_kv_cache_gib or min_engines in --resources"),
        ("local,engine_dtype=bfloat16", 24, "^weak_sft: weights of package:w2s/data/bases/weak on CPU take 25.1 GiB"),
        ("local,workers=2", 48, "^weak_sft: .* take 50.2 GiB, .*: take .*, lower work"),
        ("local", 64, ""),
        ("local,workers=2,zero_stage=3", 48, ""),
        ("one-gpu", 1, ""),
    ],
)
def test_models_that_do_not_fit_into_the_memory_are_refused(
    resources: str, gib: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "shape_of", lambda _model: SEVEN_BILLION)
    if not message:
        check_host_memory(STEPS, load_resources(resources), gib * GIB)
        return
    with pytest.raises(ValueError, match=message):
        check_host_memory(STEPS, load_resources(resources), gib * GIB)


@pytest.mark.parametrize(
    ("changes", "resources", "gib", "message"),
    [
        (["weak_sft.lora=none"], "local", 100, "^weak_sft: weights, gradients and optimizer state of all weights of .*"
         "on CPU take 100.4 GiB, and this machine has 100.0: .* lower workers in --resources, leave lora=none out"),
        (["weak_sft.lora=none"], "local", 101, ""),
        (["weak_sft.lora=none"], "local,workers=2", 128, "^weak_sft: .* take 200.8 GiB"),
        (["weak_sft.lora=none"], "local,workers=2,zero_stage=3", 128, ""),
        (["sft.lora=none"], "local", 100, "^hybrid_ft_1, dpo, .* take 100.4 GiB"),
        (["sft.lora=none"], "local", 101, ""),
    ],
)  # fmt: skip
def test_a_training_of_all_weights_holds_more(
    changes: list[str], resources: str, gib: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """16 bytes a parameter in float32, DPO's too, whose reference is numbers."""
    monkeypatch.setattr(checks, "shape_of", lambda _model: SEVEN_BILLION)
    steps = build_steps(set_fields(quickstart(), changes))
    if not message:
        check_host_memory(steps, load_resources(resources), gib * GIB)
        return
    with pytest.raises(ValueError, match=message):
        check_host_memory(steps, load_resources(resources), gib * GIB)


@pytest.mark.parametrize(
    ("resources", "changes", "installed", "message"),
    [
        ("one-gpu,quantize_base=true", [], True, ""),
        ("one-gpu", [], False, ""),
        ("one-gpu,quantize_base=true", [], False, r"quantize_base=true needs the package bitsandbytes, .*w2s\[qlora\]"),
        ("one-gpu,weak.quantize_base=true", [], False, "^weak_sft: weak.quantize_base=true needs the package"),
        ("one-gpu,quantize_base=true,weak.quantize_base=false", ["sft.lora=none"], True, "^hybrid_ft_1: quantize_base"),
        ("one-gpu,quantize_base=true,weak.quantize_base=false", ["weak_sft.lora=none"], True, ""),
        (
            "one-gpu,quantize_base=true",
            ["weak_sft.lora=none"],
            True,
            "^weak_sft: weak.quantize_base=true with lora=none",
        ),
    ],
)
def test_a_base_in_4_bits_is_refused_where_it_cannot_be(
    resources: str, changes: list[str], installed: bool, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks.importlib.util, "find_spec", lambda _name: object() if installed else None)
    given = set_fields(quickstart(), changes)

    def look() -> None:
        for step in build_steps(given):
            if isinstance(step.recipe, FineTune | Prefer):
                checks._check_quantized(step, load_resources(resources).of(step.role))

    if not message:
        look()
        return
    with pytest.raises(ValueError, match=message):
        look()


def test_the_memory_of_a_container_is_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "none").write_text("max\n")
    (tmp_path / "limit").write_text(f"{GIB}\n")
    whole = local_ray.machine(with_gpus=False)["memory"]
    monkeypatch.setattr(local_ray, "CONTAINER_LIMITS", (str(tmp_path / "none"), str(tmp_path / "missing")))
    assert local_ray.machine(with_gpus=False)["memory"] >= whole > GIB
    monkeypatch.setattr(local_ray, "CONTAINER_LIMITS", (str(tmp_path / "none"), str(tmp_path / "limit")))
    assert local_ray.machine(with_gpus=False)["memory"] == GIB
