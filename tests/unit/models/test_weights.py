"""Weights are checked by the headers of their files, before anything loads them."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.models.layers import meta_model
from ray_jobs.models.weights import ADD_PREFIX, INDEX, SINGLE, check_weights
from tests.unit.models import tiny_models
from w2s.recipe import Model

pytestmark = pytest.mark.usefixtures("offline")
Change = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def check(path: Path) -> None:
    check_weights(Model(name=str(path), revision="sha256:1"), path, meta_model(path))


def without(*parts: str) -> Change:
    return lambda weights: {name: tensor for name, tensor in weights.items() if not any(p in name for p in parts)}


def configs() -> list[Any]:
    from importlib import import_module

    t: Any = import_module("transformers")

    sizes: dict[str, Any] = {k: v for k, v in tiny_models.SIZES.items() if k != "head_dim"}
    moe = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8}
    return [
        t.LlamaConfig(**sizes),
        t.LlamaConfig(**sizes, tie_word_embeddings=True),
        t.Qwen2Config(**sizes),
        t.Qwen3Config(**sizes, head_dim=8),
        t.Gemma2Config(**sizes, head_dim=8),
        t.MistralConfig(**sizes),
        t.Phi3Config(**sizes),
        t.GPTNeoXConfig(**sizes),
        t.StableLmConfig(**sizes),
        t.GPT2Config(vocab_size=400, n_embd=16, n_layer=2, n_head=2),
        t.MixtralConfig(**sizes, num_local_experts=4),
        t.Qwen3MoeConfig(**sizes, **moe),
        t.Gemma3Config(text_config=tiny_models.SIZES, vision_config=tiny_models.VISION, mm_tokens_per_image=4),
    ]


@pytest.mark.slow
def test_what_transformers_saved_is_whole(tmp_path: Path) -> None:
    for number, config in enumerate(configs()):
        path = tiny_models.model(tmp_path / str(number), config)
        check(path)


def test_shards_are_whole(tmp_path: Path) -> None:
    path = shards(tmp_path)
    assert len(list(path.glob("*.safetensors"))) > 2
    check(path)


def shards(tmp_path: Path) -> Path:
    from transformers import AutoModelForCausalLM

    path = tiny_models.llama(tmp_path / "whole")
    AutoModelForCausalLM.from_pretrained(path).save_pretrained(path, max_shard_size="10KB")
    (path / SINGLE).unlink()
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("layers.1."), r"^its files lack 9 weights of the model, such as model.layers.1"),
        (
            without("lm_head"),
            r"^its files lack 1 weights of the model, such as lm_head.weight; transformers would init",
        ),
        (without("embed_tokens"), "^its files lack 1 weights .* model.embed_tokens.weight"),
        (without("0.self_attn.q_proj", "1.mlp.up_proj"), "^its files lack 2 weights .*layers.0.*layers.1.mlp.up_proj"),
        (lambda w: {f"module.{k}": v for k, v in w.items()}, r"begin with `module\.`, which the model has not"),
        (lambda w: {f"_orig_mod.{k}": v for k, v in w.items()}, r"begin with `_orig_mod\.`"),
        (lambda w: {f"base_model.model.{k}": v for k, v in w.items()}, r"begin with `base_model\.model\.`"),
        (lambda w: {k.removeprefix("model."): v for k, v in w.items()}, r"^the names of 20 .*lack `model\.`"),
        (lambda w: w | {"score.weight": w["lm_head.weight"][:1]}, "^1 weights in its files are none .*score.weight"),
        (
            lambda w: {k.replace("q_proj", "query"): v for k, v in w.items()},
            "lack 2 weights .*q_proj.* and have 2 unknown ones",
        ),
        (lambda w: w | {"lm_head.weight": w["lm_head.weight"][:399]}, r"1 of its weights .*lm_head.*399, 16.*400, 16"),
    ],
)
def test_other_weights_than_the_models_are_refused(tmp_path: Path, change: Change, message: str) -> None:
    path = tiny_models.llama(tmp_path)
    tiny_models.change_weights(path, change)
    with pytest.raises(ValueError, match=message):
        check(path)


def test_published_weights_without_a_prefix_pass(tmp_path: Path) -> None:
    from transformers import GPT2Config

    path = tiny_models.model(tmp_path, GPT2Config(vocab_size=400, n_embd=16, n_layer=2, n_head=2))
    tiny_models.change_weights(path, lambda w: {k.removeprefix("transformer."): v for k, v in w.items()})
    check(path)


def test_the_engine_adds_the_prefix_for_these_alone() -> None:
    """By the source of vLLM, whose import takes seconds."""
    spec = find_spec("vllm")
    assert spec is not None and spec.origin is not None
    models = Path(spec.origin).parent / "model_executor" / "models"
    marks = ("_add_transformer_prefix(", '"decoder.": "model.decoder."')
    adding = [path for path in models.glob("*.py") if any(mark in path.read_text() for mark in marks)]
    assert all(any(f"class {name}(" in path.read_text() for path in adding) for name in ADD_PREFIX)
    assert len(adding) == len(ADD_PREFIX)


def test_a_tied_head_may_be_absent_or_there(tmp_path: Path) -> None:
    path = tiny_models.llama(tmp_path, tie_word_embeddings=True)
    check(path)
    tiny_models.change_weights(path, lambda w: w | {"lm_head.weight": w["model.embed_tokens.weight"].clone()})
    check(path)


@pytest.mark.parametrize("gemma", [False, True])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda head: {"lm_head.weight": -head}, "hold another lm_head.weight: training would use it, and the engine"),
        (lambda head: {"lm_head.weight": head, "embedding": None}, "which its files lack: training would make one of"),
    ],
)
def test_a_tied_head_of_its_own_is_refused(tmp_path: Path, change: Change, message: str, gemma: bool) -> None:
    """transformers takes it for the head, and vLLM 0.32.0 leaves it out: huggingface/transformers#45135, #41038."""
    path = tiny_models.gemma_3(tmp_path) if gemma else tiny_models.llama(tmp_path, tie_word_embeddings=True)

    def changed(weights: dict[str, Any]) -> dict[str, Any]:
        (embedding,) = (name for name in weights if name.endswith("embed_tokens.weight"))
        made = weights | change(weights[embedding])
        if "embedding" in made:
            del made["embedding"], made[embedding]
        return made

    tiny_models.change_weights(path, changed)
    with pytest.raises(ValueError, match=message):
        check(path)


def test_a_missing_expert_is_refused(tmp_path: Path) -> None:
    from transformers import MixtralConfig

    path = tiny_models.model(tmp_path, MixtralConfig(**tiny_models.SIZES, num_local_experts=4))
    tiny_models.change_weights(path, without("layers.1.block_sparse_moe.experts.2.w1"))
    with pytest.raises(ValueError, match="do not fit together"):
        check(path)


def pointer(path: Path) -> None:
    oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
    (path / SINGLE).write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12345\n")


def cut(path: Path) -> None:
    data = (path / SINGLE).read_bytes()
    (path / SINGLE).write_bytes(data[:-100])


def cut_header(path: Path) -> None:
    (path / SINGLE).write_bytes((path / SINGLE).read_bytes()[:50])


def hostile_header(path: Path) -> None:
    (path / SINGLE).write_bytes((20).to_bytes(8, "little") + b'{"a": [1, 2, 3, 44]}')


def two_sets(path: Path) -> None:
    (path / INDEX).write_text(json.dumps({"weight_map": {"lm_head.weight": "other.safetensors"}}))
    (path / "other.safetensors").write_bytes((path / SINGLE).read_bytes())


def beside(path: Path) -> None:
    (path / "consolidated.safetensors").write_bytes((path / SINGLE).read_bytes())


def renamed(path: Path) -> None:
    (path / SINGLE).rename(path / "weights.safetensors")


def bad_index(path: Path) -> None:
    (path / INDEX).write_text('{"weight_map": ["model.safetensors"]}')


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (pointer, "model.safetensors is a git-lfs pointer and no weights: run `git lfs pull`"),
        (cut, r"model.safetensors has \d+ bytes, and its header describes \d+: fetch"),
        (cut_header, "model.safetensors with 50 bytes is no whole safetensors file"),
        (lambda path: (path / SINGLE).write_bytes(b""), "with 0 bytes is no whole"),
        (hostile_header, "has no readable safetensors header"),
        (two_sets, "training would read, and model.safetensors.index.json, whose files sampling would read"),
        (beside, "the engine would read consolidated.safetensors too"),
        (renamed, "neither model.safetensors nor model.safetensors.index.json"),
        (bad_index, "no readable weight_map"),
    ],
)
def test_files_that_are_not_the_weights_are_refused(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    path = tiny_models.llama(tmp_path)
    damage(path)
    with pytest.raises(ValueError, match=message):
        check(path)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    path = shards(tmp_path)
    gone = sorted(path.glob("*.safetensors"))[1]
    gone.unlink()
    with pytest.raises(ValueError, match=rf"1 of \d+ files that {INDEX} names are missing \({gone.name}\)"):
        check(path)


def test_weights_at_a_url_are_checked_without_a_copy(tmp_path: Path) -> None:
    import fsspec
    from safetensors.torch import load_file

    path = tiny_models.llama(tmp_path)
    memory: Any = fsspec.filesystem("memory")
    memory.pipe("/bucket/model.safetensors", (path / SINGLE).read_bytes())
    model = Model(name="memory://bucket", revision="sha256:1")
    check_weights(model, path, meta_model(path))
    whole = load_file(path / SINGLE)
    tiny_models.change_weights(path, without("layers.1."))
    memory.pipe("/bucket/model.safetensors", (path / SINGLE).read_bytes())
    with pytest.raises(ValueError, match=r"^its files lack 9 weights of the model"):
        check_weights(model, path, meta_model(path))
    assert len(whole) == 21
