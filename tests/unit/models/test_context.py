"""A model's context in tokens, for each way in which configurations scale positions."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig

from ray_jobs.models.configs import context_limit
from ray_jobs.sampling.inputs import positions

TINY = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
LONG = {"short_factor": [1.0] * 8, "long_factor": [2.0] * 8}
LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
CASES: list[tuple[str, int, dict[str, Any], int, int | None]] = [
    ("qwen2", 32768, {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}, 131072, 131072),
    ("qwen3", 40960, {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}, 131072, 131072),
    ("qwen2", 131072, {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}, 131072, None),
    ("llama", 163840, {"rope_type": "yarn", "factor": 40.0, "original_max_position_embeddings": 4096}, 163840, None),
    ("qwen2", 1000, {"rope_type": "yarn", "factor": 2.5, "original_max_position_embeddings": 1000}, 2500, 2500),
    ("llama", 4096, {"rope_type": "linear", "factor": 8.0}, 32768, None),
    ("llama", 2048, {"rope_type": "dynamic", "factor": 2.0}, 2048, None),
    ("llama", 131072, {"rope_type": "llama3", "factor": 8.0} | LLAMA3, 131072, None),
    ("phi3", 131072, {"rope_type": "longrope", "original_max_position_embeddings": 4096} | LONG, 4096, None),
    ("llama", 4096, {"rope_type": "default"}, 4096, None),
]


@pytest.mark.parametrize(("model_type", "own", "rope", "limit", "told"), CASES)
def test_a_scaled_context(
    model_type: str, own: int, rope: dict[str, Any], limit: int, told: int | None, tmp_path: Path
) -> None:
    fields = TINY | {"max_position_embeddings": own, "rope_parameters": rope | {"rope_theta": 10000.0}}
    AutoConfig.for_model(model_type, **fields).save_pretrained(tmp_path)
    assert context_limit(tmp_path) == limit
    assert positions(tmp_path) == ({} if told is None else {"max_position_embeddings": told})


def test_the_older_spelling_of_a_scaling(tmp_path: Path) -> None:
    """As Qwen2.5's model card asks users to write it into config.json."""
    old = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
    AutoConfig.for_model("qwen2", **TINY, max_position_embeddings=32768, rope_scaling=old).save_pretrained(tmp_path)
    assert context_limit(tmp_path) == 131072


def test_the_older_spelling_of_long_rope(tmp_path: Path) -> None:
    """As in Phi-3.5's config.json."""
    fields: dict[str, Any] = {"max_position_embeddings": 131072, "original_max_position_embeddings": 4096}
    AutoConfig.for_model("phi3", **TINY, **fields, rope_scaling={"type": "longrope"} | LONG).save_pretrained(tmp_path)
    assert context_limit(tmp_path) == 4096


def test_the_context_of_a_model_with_vision_and_of_gpt_2(tmp_path: Path) -> None:
    AutoConfig.for_model("gemma3", text_config=TINY | {"max_position_embeddings": 512}).save_pretrained(tmp_path / "a")
    AutoConfig.for_model("gpt2", n_positions=768).save_pretrained(tmp_path / "b")
    assert (context_limit(tmp_path / "a"), context_limit(tmp_path / "b")) == (512, 768)
