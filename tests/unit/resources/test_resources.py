"""Resource presets and what they become for vLLM, DeepSpeed and Ray."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from ray_jobs.cli.options import add_resources
from ray_jobs.resources.deepspeed import accumulation, deepspeed_config, scaling_config, torch_config
from ray_jobs.resources.presets import PRESETS, load_resources
from ray_jobs.resources.requests import GPUS_PER_NODE, NODE_LABEL, resource_request, resource_request_on_one_node
from ray_jobs.resources.resources import Resources
from ray_jobs.resources.vllm import (
    engine_arguments,
    engine_environment,
    engine_placement,
    engines_that_fit,
    lora_slots,
    rounded_context,
)

LOCAL, NODE, CLUSTER = PRESETS["local"], PRESETS["node-8gpu"], PRESETS["cluster-70b"]
GIB = 1 << 30


def test_import_is_light() -> None:
    heavy = {"ray", "torch", "vllm", "transformers", "deepspeed"}
    code = f"import sys, ray_jobs.resources.presets; print({heavy!r} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        == "set()"
    )


def test_the_help_names_every_preset() -> None:
    """It is written by hand, so that --help imports nothing."""
    parser = argparse.ArgumentParser()
    add_resources(parser)
    assert all(name in parser.format_help() for name in PRESETS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local", LOCAL),
        ("local,workers=1,zero_stage=3", LOCAL.changed(workers=1, zero_stage=3)),
        ("local,engine_dtype=float16,train_dtype=float32", LOCAL.changed(engine_dtype="float16")),
        ("local,engine_dtype=bfloat16,save_minutes=0.5", LOCAL.changed(engine_dtype="bfloat16", save_minutes=0.5)),
        ("one-gpu,gradient_checkpointing=false", PRESETS["one-gpu"].changed(gradient_checkpointing=False)),
        ("local,min_engines=3,max_engines=3", LOCAL.changed(min_engines=3, max_engines=3)),
        ("local,max_engines=3,workers=1,min_engines=3", LOCAL.changed(min_engines=3, max_engines=3, workers=1)),
        ("local,workers=3, workers=1", LOCAL.changed(workers=1)),
        ("local,save_minutes=0", LOCAL.changed(save_minutes=0)),
        ("local,sampling_nodes=none,training_nodes=1", LOCAL.changed(sampling_nodes="none", training_nodes="1")),
        ("cluster-70b,sampling_nodes=,training_nodes=", CLUSTER.changed(sampling_nodes="", training_nodes="")),
    ],
)
def test_load(text: str, expected: Resources) -> None:
    assert load_resources(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("laptop", "no resources 'laptop': choose local, one-gpu, node-8gpu, cluster-70b"),
        ("", "no resources ''"),
        (
            "local,worker=1",
            r"--resources worker=1: Resources has no field 'worker' \(did you mean workers\?\); it has min_engines, ",
        ),
        ("local,workers", "--resources workers: must be FIELD=VALUE, like workers=1"),
        ("local,workers=1,", "--resources : must be FIELD=VALUE"),
        ("local,workers.x=1", "--resources workers.x=1: workers is 1 and has no fields"),
        ("local,workers=two", "--resources workers=two: workers: Input should be a valid integer"),
        ("local,workers=1.5", "workers: Input should be a valid integer"),
        ("local,workers=true", "workers: Input should be a valid integer"),
        ("local,save_minutes=soon", "save_minutes: Input should be a valid number"),
        ("local,save_minutes=NaN", "save_minutes: .*finite"),
        ("local,cpus_per_worker=1e999", "cpus_per_worker: .*finite"),
        ("local,train_dtype=float16", "train_dtype: float16 loses small gradients .* set train_dtype=float32"),
        ("local,train_dtype=half", "train_dtype: half loses small gradients"),
        ("local,train_dtype=int8", "train_dtype: Input should be 'bfloat16' or 'float32'"),
        ("local,gradient_checkpointing=1", "gradient_checkpointing: Input should be a valid boolean"),
        ("local,workers=0", "workers: Input should be greater than or equal to 1"),
        ("local,min_engines=3", "--resources min_engines=3: min_engines=3 must not be above max_engines=1"),
        (
            "node-8gpu,quantize_base=true",
            "quantize_base=true with zero_stage=3 and train_dtype=bfloat16: .*: set zero_s",
        ),
        (
            "local,quantize_base=true",
            "quantize_base=true with zero_stage=0 and train_dtype=float32: .* train_dtype=bfl",
        ),
        ("local,quantize_base=4", "quantize_base: Input should be a valid boolean"),
        ("local,zero_stage=2", "zero_stage: must be 0 or 3"),
        ("local,zero_stage=4", "zero_stage: must be 0 or 3"),
        ("local,zero_stage=-1", "zero_stage: must be 0 or 3"),
        ("local,zero_stage=false", "zero_stage: Input should be a valid integer"),
        ("one-gpu,gpus_per_worker=2", "gpus_per_worker: Input should be less than or equal to 1"),
        ("one-gpu,gpu_memory_utilization=1.5", "gpu_memory_utilization: Input should be less than or equal to 1"),
        # Of several, the first wrong one is named, whatever the order of the fields.
        ("local,max_failures=-1,workers=0", "--resources max_failures=-1: max_failures: "),
        ("local,workers=1,workers=0,workers=1", "--resources workers=0: workers: "),
        ("local,min_engines=4,max_engines=3", "--resources min_engines=4, max_engines=3: min_engines=4 must not be"),
    ],
)
def test_load_refuses(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_resources(text)


def test_resources_are_frozen_and_checked() -> None:
    with pytest.raises(ValueError, match="frozen"):
        LOCAL.__setattr__("workers", 3)
    with pytest.raises(ValueError, match="min_engines=2 must not be above max_engines=1"):
        LOCAL.changed(min_engines=2)
    with pytest.raises(ValueError, match=r"worker\n.*Extra inputs"):
        LOCAL.changed(worker=2)


def test_engine_on_cpu() -> None:
    arguments = engine_arguments(LOCAL, 512)
    assert (
        arguments["enforce_eager"]
        and arguments["kv_cache_memory_bytes"] == 2 * GIB
        and "gpu_memory_utilization" not in arguments
    )
    assert engine_environment(LOCAL, Path("/c")) == {
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1",
        "VLLM_ENGINE_READY_TIMEOUT_S": "3600",
        "VLLM_NO_USAGE_STATS": "1",
    }
    assert engine_placement(LOCAL) == {"num_cpus": 1, "num_gpus": 0}


def test_engine_on_gpus() -> None:
    arguments = engine_arguments(CLUSTER, 2048)
    assert (arguments["tensor_parallel_size"], arguments["distributed_executor_backend"]) == (4, "mp")
    assert "enforce_eager" not in arguments and "kv_cache_memory_bytes" not in arguments
    assert arguments["max_num_batched_tokens"] == 8192 and arguments["max_num_seqs"] == 512
    assert engine_placement(CLUSTER) == {"num_cpus": 16, "num_gpus": 4, "label_selector": {NODE_LABEL: "sampling"}}
    assert "distributed_executor_backend" not in engine_arguments(NODE, 2048)


def test_an_engine_on_gpus_keeps_what_it_compiles_and_waits_for_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = engine_environment(CLUSTER, Path("/nvme/w2s"))
    assert environment["VLLM_ENGINE_READY_TIMEOUT_S"] == "3600" and environment["VLLM_CACHE_ROOT"] == "/nvme/w2s/vllm"
    assert environment["TRITON_CACHE_DIR"] == "/nvme/w2s/triton" and "OMP_NUM_THREADS" not in environment
    monkeypatch.setenv("VLLM_CACHE_ROOT", "/mine")
    monkeypatch.setenv("OMP_NUM_THREADS", "9")  # Ray sets it for every worker
    assert "VLLM_CACHE_ROOT" not in engine_environment(CLUSTER, Path("/nvme/w2s"))
    assert engine_environment(LOCAL, Path("/c"))["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize(
    ("tokens", "expected"), [(1, 512), (500, 512), (501, 512), (512, 512), (513, 1024), (2048, 2048), (2049, 2560)]
)
def test_the_context_is_rounded_up(tokens: int, expected: int) -> None:
    assert rounded_context(tokens) == expected


@pytest.mark.parametrize(
    ("adapters", "expected"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (9, 16), (16, 16), (17, 32), (40, 48)]
)
def test_lora_slots_are_rounded_up(adapters: int, expected: int) -> None:
    assert lora_slots(adapters) == expected


def test_70b_fits_the_gpus_it_is_made_for() -> None:
    """Weights of 140 GB beside a KV cache that holds max_num_seqs sequences of 768 tokens, on GPUs of 80 GB."""
    kv_cache_bytes_per_token = 80 * 8 * 128 * 2 * 2  # layers, key-value heads, head size, key and value, bfloat16
    kv_cache = CLUSTER.gpus_per_engine * CLUSTER.gpu_memory_utilization * 80e9 - 140e9
    assert kv_cache > CLUSTER.max_num_seqs * 768 * kv_cache_bytes_per_token
    assert CLUSTER.zero_stage == 3 and 140e9 / CLUSTER.workers < 0.5 * 80e9


@pytest.mark.parametrize("stage", [0, 3])
def test_deepspeed(stage: int) -> None:
    config = deepspeed_config(LOCAL.changed(zero_stage=stage))
    zero = config["zero_optimization"]
    assert zero["stage"] == stage and "optimizer" not in config
    assert ("stage3_param_persistence_threshold" in zero) == ("reduce_bucket_size" in zero) == (stage == 3)
    assert all(
        config[key] == "auto"
        for key in ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps")
    )


@pytest.mark.parametrize(
    ("name", "batch_size", "steps"),
    [("local", 8, 2), ("local,workers=2", 32, 4), ("one-gpu", 8, 4), ("node-8gpu", 8, 1), ("cluster-70b", 16, 2)],
)
def test_accumulation(name: str, batch_size: int, steps: int) -> None:
    assert accumulation(batch_size, load_resources(name)) == steps


def test_every_preset_takes_the_papers_batch() -> None:
    assert all(accumulation(8, preset) >= 1 for preset in PRESETS.values())


@pytest.mark.parametrize(
    ("resources", "batch_size", "way_out"),
    [("cluster-70b,workers=16", 8, "workers=8,micro_batch=1"), ("local,workers=2", 6, "workers=2,micro_batch=1")],
)
def test_accumulation_refuses_and_its_way_out_works(resources: str, batch_size: int, way_out: str) -> None:
    message = f"batch_size={batch_size} is not divisible by workers x micro_batch = .*add {way_out} to --resources"
    for field in ("weak_sft.batch_size", "sft.batch_size", "dpo.batch_size"):
        with pytest.raises(ValueError, match=f"^{field[:-10]}{message}.*as {field}$"):
            accumulation(batch_size, load_resources(resources), field)
    assert accumulation(batch_size, load_resources(f"{resources},{way_out}")) >= 1


@pytest.mark.parametrize(
    ("preset", "kind", "expected"),
    [
        ("local", "sample", {"CPU": 1, "GPU": 0}),
        ("local", "finetune", {"CPU": 1, "GPU": 0}),
        ("cluster-70b", "sample", {"CPU": 16, "GPU": 4}),
        ("cluster-70b", "prefer", {"CPU": 64, "GPU": 8}),
        ("cluster-70b", "pair", {"CPU": 0, "GPU": 0}),
    ],
)
def test_resource_request(preset: str, kind: str, expected: dict[str, int]) -> None:
    assert resource_request(PRESETS[preset], kind) == expected


@pytest.mark.parametrize(
    ("preset", "free", "engines"),
    [
        ("local", {"CPU": 2.0}, 2),
        ("local", {"CPU": 0.5}, 0),
        ("node-8gpu", {"CPU": 96.0, "GPU": 5.0}, 5),
        ("cluster-70b", {"CPU": 999.0}, 0),
    ],
)
def test_engines_that_fit(preset: str, free: dict[str, float], engines: int) -> None:
    assert engines_that_fit(PRESETS[preset], free) == engines


@pytest.mark.parametrize(
    ("resources", "kind", "expected"),
    [
        ("cluster-70b", "sample", {"CPU": 16, "GPU": 4}),
        ("cluster-70b", "prefer", {"CPU": 64, "GPU": 8}),
        ("cluster-70b,workers=16", "prefer", {"CPU": 8, "GPU": 1}),
        ("local,workers=2,cpus_per_worker=0.5", "finetune", {"CPU": 0.5, "GPU": 0}),
    ],
)
def test_resource_request_on_one_node(resources: str, kind: str, expected: dict[str, float]) -> None:
    assert resource_request_on_one_node(load_resources(resources), kind) == expected


def test_scaling_config() -> None:
    local, cluster = scaling_config(LOCAL), scaling_config(CLUSTER)
    assert (local.num_workers, local.use_gpu, local.resources_per_worker, local.label_selector) == (
        1,
        False,
        {"CPU": 1},
        None,
    )
    assert cluster.resources_per_worker == {"CPU": 8, "GPU": 1} and cluster.label_selector == {NODE_LABEL: "training"}
    assert local.placement_strategy == "PACK" and cluster.placement_strategy == "STRICT_PACK"
    assert scaling_config(CLUSTER.changed(workers=2 * GPUS_PER_NODE)).placement_strategy == "PACK"


def test_a_training_waits_for_booting_nodes_and_for_ranks_that_fetch_the_model() -> None:
    """Ray Train passes the variable on to its controller, which waits; torch's process group gets its time-out."""
    from ray.train.v2._internal.constants import ENV_VARS_TO_PROPAGATE, WORKER_GROUP_START_TIMEOUT_S_ENV_VAR

    code = f"""import os
from ray_jobs.runtime.local_ray import set_environment
os.environ.pop({WORKER_GROUP_START_TIMEOUT_S_ENV_VAR!r}, None)
set_environment()
print(os.environ[{WORKER_GROUP_START_TIMEOUT_S_ENV_VAR!r}])
os.environ[{WORKER_GROUP_START_TIMEOUT_S_ENV_VAR!r}] = "5"
set_environment()
print(os.environ[{WORKER_GROUP_START_TIMEOUT_S_ENV_VAR!r}])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3600", "5"] and WORKER_GROUP_START_TIMEOUT_S_ENV_VAR in ENV_VARS_TO_PROPAGATE
    assert (torch_config(LOCAL).backend, torch_config(CLUSTER).backend) == ("gloo", "nccl")
    assert torch_config(CLUSTER).timeout_s == 7200 > 140e9 / 60e6
