"""The plan's arithmetic against transformers' parameter counts, vLLM's KV cache and DeepSpeed's estimator."""

import json
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.cost.memory import GIB, base_bytes, engine_memory, kv_tokens, training_memory
from ray_jobs.cost.shape import Shape
from ray_jobs.resources.presets import load_resources

CONFIGS: dict[str, dict[str, Any]] = {
    "Llama-2-70b": {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 8192,
        "intermediate_size": 28672,
        "num_hidden_layers": 80,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "vocab_size": 32000,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": False,
    },
    "Llama-3-70b": {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 8192,
        "intermediate_size": 28672,
        "num_hidden_layers": 80,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": False,
    },
    "Qwen3-32B": {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "hidden_size": 5120,
        "intermediate_size": 25600,
        "num_hidden_layers": 64,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 151936,
        "max_position_embeddings": 40960,
        "tie_word_embeddings": False,
    },
    "Llama-3.1-8B": {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
        "max_position_embeddings": 131072,
        "tie_word_embeddings": False,
    },
}
"""The public values of their config.json."""
CLAIMS = [
    ("cluster-70b", "Llama-2-70b"),
    ("cluster-70b", "Llama-3-70b"),
    ("cluster-70b", "Qwen3-32B"),
    ("cluster-70b", "Llama-3.1-8B"),
    ("node-8gpu", "Llama-3.1-8B"),
    ("one-gpu", "Llama-3.1-8B"),
]
RANK, CONTEXT, TOKENS = 8, 2048, 1024
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def config(name: str) -> Any:
    from transformers import AutoConfig

    values = dict(CONFIGS[name])
    return AutoConfig.for_model(values.pop("model_type"), **values)


def shape(name: str) -> Shape:
    return Shape.of(config(name), name)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_parameters_are_those_of_transformers_and_peft(name: str) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config(name))
        assert shape(name).parameters == pytest.approx(sum(p.numel() for p in model.parameters()), rel=1e-3)
        peft = get_peft_model(model, LoraConfig(r=RANK, target_modules=list(TARGETS), task_type="CAUSAL_LM"))
    assert shape(name).adapter(RANK, TARGETS) == sum(p.numel() for p in peft.parameters() if p.requires_grad)


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "name"), CLAIMS)
def test_a_tokens_kv_cache_is_vllms(preset: str, name: str, tmp_path: Path) -> None:
    import torch
    from vllm.config import ModelConfig, ParallelConfig
    from vllm.v1.kv_cache_interface import FullAttentionSpec

    (tmp_path / "config.json").write_text(json.dumps(CONFIGS[name]))
    parallel = ParallelConfig(tensor_parallel_size=1)
    object.__setattr__(parallel, "tensor_parallel_size", load_resources(preset).tensor_parallel)
    model = ModelConfig(model=str(tmp_path), skip_tokenizer_init=True, dtype="bfloat16", max_model_len=CONTEXT)
    block = FullAttentionSpec(
        block_size=16,
        num_kv_heads=model.get_num_kv_heads(parallel),
        head_size=model.get_head_size(),
        dtype=torch.bfloat16,
    )
    theirs = block.page_size_bytes / 16 * model.get_num_layers(parallel)
    assert shape(name).kv_bytes(load_resources(preset).tensor_parallel, 2) == pytest.approx(theirs, rel=0.1)


@pytest.mark.parametrize(("preset", "name"), [claim for claim in CLAIMS if claim[0] != "one-gpu"])
def test_sharded_state_is_deepspeeds(preset: str, name: str) -> None:
    """DeepSpeed estimates a training of all weights."""
    from deepspeed.runtime.zero.stage3 import estimate_zero3_model_states_mem_needs

    resources, ours = load_resources(preset), shape(name)
    _, theirs, _ = estimate_zero3_model_states_mem_needs(
        ours.parameters,
        ours.embedding,
        num_gpus_per_node=resources.workers,
        num_nodes=1,
        cpu_offload=False,
        cpu_offload_params=False,
        zero_init=True,
    )
    parts = training_memory(ours, resources, None, TOKENS, "SFT").parts
    states = sum(parts[part] for part in ("weights", "gathered layers", "gradients", "optimizer"))
    assert states == pytest.approx(theirs, rel=0.1)


def fits(preset: str, name: str, **changes: Any) -> tuple[bool, bool]:
    """Whether the engine and both kinds of training fit."""
    resources, model = load_resources(preset).changed(**changes), shape(name)
    adapter = model.adapter(RANK, TARGETS)
    engine = engine_memory(model, resources, CONTEXT, adapter)
    training = [training_memory(model, resources, adapter, TOKENS, method) for method in ("SFT", "DPO")]
    return engine.spare >= 0, all(memory.spare >= 0 for memory in training)


@pytest.mark.parametrize(("preset", "name"), CLAIMS)
def test_a_preset_holds_the_models_that_it_claims(preset: str, name: str) -> None:
    assert fits(preset, name) == (True, True)


@pytest.mark.parametrize(
    ("preset", "name", "changes", "expected"),
    [
        ("one-gpu", "Llama-3-70b", {}, (False, False)),
        ("one-gpu", "Llama-3.1-8B", {"micro_batch": 8}, (True, True)),
        ("one-gpu", "Llama-3.1-8B", {"micro_batch": 16}, (True, False)),
        ("one-gpu", "Llama-3.1-8B", {"gpu_gib": 16}, (False, False)),
        ("node-8gpu", "Qwen3-32B", {}, (False, True)),  # a whole copy an engine, an eighth a worker
        ("node-8gpu", "Llama-2-70b", {"gpus_per_engine": 8}, (True, True)),
        ("cluster-70b", "Llama-2-70b", {"zero_stage": 0}, (True, False)),
        ("cluster-70b", "Llama-2-70b", {"gpus_per_engine": 1}, (False, True)),
    ],
)
def test_what_does_not_fit(preset: str, name: str, changes: dict[str, Any], expected: tuple[bool, bool]) -> None:
    assert fits(preset, name, **changes) == expected


@pytest.mark.parametrize(
    ("resources", "method", "per_parameter"),
    [
        ("one-gpu", "SFT", 2 + 4 + 12),
        ("one-gpu", "ORPO", 2 + 4 + 12),
        ("one-gpu", "DPO", 2 + 4 + 12),  # its reference is numbers
        ("one-gpu,train_dtype=float32", "SFT", 4 + 4 + 8),
        ("node-8gpu", "SFT", (2 + 4 + 12) / 8),
        ("node-8gpu", "DPO", (2 + 4 + 12) / 8),
        ("node-8gpu,train_dtype=float32", "SFT", (4 + 4 + 12) / 8),
    ],
)
def test_bytes_a_parameter_where_all_weights_are_trained(resources: str, method: str, per_parameter: float) -> None:
    ours = shape("Llama-3.1-8B")
    memory = training_memory(ours, load_resources(resources), None, TOKENS, method)
    assert memory.state == pytest.approx(per_parameter * ours.parameters)
    adapted = training_memory(ours, load_resources(resources), ours.adapter(RANK, TARGETS), TOKENS, method)
    assert adapted.state < 0.3 * memory.state and adapted.parts["activations"] == memory.parts["activations"]


@pytest.mark.parametrize(
    ("name", "gib"), [("Llama-3.1-8B", 5.5), ("Qwen3-32B", 18.0), ("Llama-2-70b", 34.0), ("Llama-3-70b", 36.8)]
)
def test_a_base_in_4_bits(name: str, gib: float) -> None:
    """Embeddings and head stay in 16: at 8 billion parameters 2 GiB of 5.5."""
    ours, resources = shape(name), load_resources("one-gpu,quantize_base=true")
    memory = training_memory(ours, resources, ours.adapter(RANK, TARGETS), TOKENS, "SFT")
    whole = training_memory(ours, load_resources("one-gpu"), ours.adapter(RANK, TARGETS), TOKENS, "SFT")
    assert base_bytes(ours, resources) / GIB == pytest.approx(gib, abs=0.3)
    assert memory.parts["weights"] < 0.4 * whole.parts["weights"] and whole.parts["a layer in 16 bits"] == 0
    assert memory.parts["a layer in 16 bits"] == 2 * ours.hidden * ours.intermediate
    assert (memory.spare > 0) == (name in ("Llama-3.1-8B", "Qwen3-32B")), "on 24 GB"


def test_a_70b_engines_cache() -> None:
    resources, model = load_resources("cluster-70b"), shape("Llama-2-70b")
    memory = engine_memory(model, resources, CONTEXT)
    assert memory.parts["weights"] / GIB == pytest.approx(32.1, abs=0.3)
    assert 380_000 < kv_tokens(model, resources, memory) < 520_000


@pytest.mark.parametrize(
    ("values", "message"), [({"num_experts": 8}, "num_experts=8"), ({"hidden_size": None}, "no hidden_size")]
)
def test_a_model_that_cannot_be_counted_is_named(values: dict[str, Any], message: str) -> None:
    from types import SimpleNamespace

    with pytest.raises(ValueError, match=f"tiny.*{message}"):
        Shape.of(SimpleNamespace(**(CONFIGS["Llama-3.1-8B"] | values)), "tiny")


@pytest.mark.parametrize("method", ["SFT", "DPO", "ORPO"])
def test_logits_are_those_of_a_tile(method: str) -> None:
    """ORPO of 4 sides of 1,024 tokens held 4 x 1,024 x 128,256 logits several times."""
    ours, resources = shape("Llama-3.1-8B"), load_resources("one-gpu,micro_batch=2")
    parts = training_memory(ours, resources, ours.adapter(RANK, TARGETS), TOKENS, method).parts
    positions = 2048 if method == "SFT" else 4096
    assert parts["logits"] == positions * 32_768 * 2
    longer = training_memory(ours, resources, ours.adapter(RANK, TARGETS), 4 * TOKENS, method).parts
    assert longer["logits"] == 4096 * 32_768 * 2
    whole = training_memory(ours, resources, None, TOKENS, method).parts
    assert whole["logits"] == parts["logits"] + (4 + 2) * 128_256 * 4096
