"""Preflight checks of a model: each mistake is one line that names the model, the rule and the way out."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.driver.checks import model as model_checks
from ray_jobs.driver.checks.model import Limit, Use, check_model
from ray_jobs.driver.checks.support import Question, Support
from ray_jobs.resources.presets import load_resources
from tests.unit.models import tiny, tiny_models
from w2s.experiments.overrides import set_fields
from w2s.experiments.quickstart import quickstart
from w2s.graph.build import build_steps
from w2s.recipe import Model, Prompt

LOCAL, GPU = load_resources("local"), load_resources("one-gpu")
TARGETS = frozenset({("sft.lora.targets", ("q_proj", "v_proj"))})
GREEDY, ROW = Limit(32, "greedy.max_tokens"), Limit(64, "dpo.max_tokens")
ALL = Use(True, TARGETS, sampled=True, with_adapter=True, completion=GREEDY, row=ROW, demonstrations=0)
WHOLE = Use(True, frozenset(), sampled=True, with_adapter=False, completion=GREEDY, row=ROW, demonstrations=0)
SAMPLED = Use(False, frozenset(), sampled=True, with_adapter=False, completion=GREEDY, row=ROW, demonstrations=0)
Damage = Callable[[Path], object]


class Answered(Question):
    """An engine that has adapters for all architectures but StableLM's, and neither Foo nor Bar; it answers without a
    process."""

    def __init__(self, architecture: str) -> None:
        self.architecture, self._process = architecture, None

    def answer(self) -> Support:
        name = self.architecture
        errors = {"Foo": "it has no such architecture", "Bar": "ModuleNotFoundError: No module named 'torchvision'"}
        merged = ["gate_up_proj", "qkv_proj"] if name == "Glm4ForCausalLM" else []
        return Support(name != "StableLmForCausalLM", errors.get(name, ""), merged)


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_checks, "Question", Answered)
    monkeypatch.setattr(model_checks, "CPU_HEAD_SIZES", (8, 32))  # the tiny models' own is 8
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def check(path: Path, use: Use = ALL, resources: Any = LOCAL, style: Any = "completion") -> None:
    check_model(
        "strong", Model(name=str(path), revision="sha256:1", prompt=Prompt(style=style)), use, resources.gpus_per_engine
    )


def config(**changed: Any) -> Damage:
    return lambda path: tiny_models.change_config(path, **changed)


def template(text: str) -> Damage:
    return lambda path: tiny.folder(path, tiny.byte_level(), chat_template=text)


def write(name: str, text: str) -> Damage:
    return lambda path: (path / name).write_text(text)


def tokens(*added: str, **named: str) -> Damage:
    """A tokenizer with `added` tokens beyond the embedding's rows."""
    fill = tuple(f"<filler_{number}>" for number in range(400 - tiny.byte_level().get_vocab_size()))
    return lambda path: tiny.folder(path, tiny.byte_level(special=(*fill, *added)), **named)


def test_a_whole_model_passes(tmp_path: Path) -> None:
    check(tiny_models.llama(tmp_path))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (write("adapter_config.json", "{}"), "adapter_config.json lies beside the whole model: training would.*merge"),
        (config(model_type="foo"), "config.json has model_type 'foo', which transformers 5[0-9.]+ does not know: take"),
        (config(model_type=None), "config.json has model_type None, which transformers"),
        (
            config(model_type="foo", auto_map={"AutoConfig": "code.Foo"}),
            r"names code of its own \(auto_map\), which is never run, and has model_type 'foo', which transformers",
        ),
        (config(model_type="vit"), "'vit', which transformers .* no decoder-only language model for"),
        (config(model_type="t5"), "'t5', which transformers .* no decoder-only language model for"),
        (config(model_type="bart"), "'bart', which transformers .* no decoder-only language model for"),
        (config(hidden_size="wide"), "is refused by transformers|no model of its config.json"),
        (write("config.json", "[1]"), "config.json is no JSON object"),
        (write("config.json", "version https://git-lfs"), "config.json cannot be read .*fetch"),
        (config(quantization_config={"quant_method": "awq"}), r"quantized \(awq\), and unquantized weights alone"),
        (config(quantization_config={"quant_method": "gptq"}), r"quantized \(gptq\)"),
        (config(quantization_config={"quant_method": "fp8"}), r"quantized \(fp8\)"),
        (config(quantization_config={"load_in_4bit": True}), r"quantized \(an unnamed method\)"),
        (config(compression_config={"quant_method": "compressed-tensors"}), r"quantized \(compressed-tensors\)"),
        (config(architectures=["LlamaModel"]), "runs the LlamaModel that its .*, and training makes LlamaForCausalLM"),
        (config(architectures="LlamaForCausalLM"), "architectures='LlamaForCausalLM', and it must be a list of names"),
        (config(architectures=["Foo"]), r"the engine cannot load Foo \(it has no such architecture\): take"),
        (
            config(architectures=["Bar"]),
            "cannot load Bar .*No module named 'torchvision'.: install the build .* or take",
        ),
        (config(max_position_embeddings=32), "cannot hold .* greedy.max_tokens=32 .*: lower greedy.max_tokens, or"),
        (config(max_position_embeddings=60), "may have dpo.max_tokens=64, .* 60 tokens: set dpo.max_tokens to 60"),
        (config(vocab_size=300), "1 of its|2 of its|tokens beyond the 300 rows of the embedding, such as"),
        (tokens("[PAD]", pad_token="[PAD]"), r"1 tokens beyond the 400 rows of the embedding, such as '\[PAD\]'"),
        (tokens("<end>", eos_token="<end>"), "1 tokens beyond the 400 rows of the embedding, such as '<end>'"),
        (write("tokenizer.json", "{}"), "has no tokenizer that loads"),
        (lambda path: tiny_models.change_weights(path, lambda w: {"a": w["lm_head.weight"]}), "weights of the model"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, damage: Damage, message: str) -> None:
    damage(tiny_models.llama(tmp_path))
    with pytest.raises(ValueError, match=message) as caught:
        check(tmp_path)
    assert str(caught.value).startswith(f"strong model {tmp_path}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ raise_exception('no system role') }}", "it fails .*no system role"),
        ("{% for m in messages %}", "it fails .*Unexpected end of template"),
        ("{{ undefined.content }}", "it fails .*undefined"),
        ("{{ 1 / 0 }}", "it fails"),
    ],
)
def test_a_template_that_fails_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    template(text)(tiny_models.llama(tmp_path))
    with pytest.raises(ValueError, match=message) as caught:
        check(tmp_path, style="chat")
    assert str(caught.value).startswith(f"strong model {tmp_path}: ") and "\n" not in str(caught.value)


def test_special_tokens_that_nothing_uses_may_lie_beyond_the_embedding(tmp_path: Path) -> None:
    tokens("<image_soft_token>")(tiny_models.llama(tmp_path))
    check(tmp_path)


def test_an_adapter_is_not_a_model(tmp_path: Path) -> None:
    write("adapter_config.json", "{}")(tmp_path)
    with pytest.raises(ValueError, match="it is an adapter and not a whole model: merge it into its base"):
        check(tmp_path)


@pytest.mark.parametrize(
    ("method", "resources", "passes"),
    [("awq", GPU, True), ("fp8", GPU, True), ("bitsandbytes", GPU, False), ("awq", LOCAL, False)],
)
def test_quantized_weights_are_sampled_on_gpus_alone(tmp_path: Path, method: str, resources: Any, passes: bool) -> None:
    config(quantization_config={"quant_method": method})(tiny_models.llama(tmp_path))
    if passes:
        check(tmp_path, SAMPLED, resources)
    else:
        with pytest.raises(ValueError, match=rf"quantized \({method}\): engines on GPUs sample awq, .* CPU none"):
            check(tmp_path, SAMPLED, resources)


def test_an_architecture_without_adapters_in_the_engine_is_sampled_and_trained_whole(tmp_path: Path) -> None:
    from transformers import StableLmConfig

    sizes = {name: size for name, size in tiny_models.SIZES.items() if name != "head_dim"}
    tiny_models.model(tmp_path, StableLmConfig(**sizes))
    check(tmp_path, SAMPLED)
    check(tmp_path, WHOLE)
    with pytest.raises(ValueError, match=r"no LoRA adapters for StableLm.*: train all weights \(sft\.lora=none\), or"):
        check(tmp_path)


def test_steps_of_whole_models_use_no_adapters() -> None:
    steps = build_steps(set_fields(quickstart(), ["sft.lora=none"]))
    for role, targets in (("strong", []), ("weak", ["weak_sft.lora.targets"])):
        model = getattr(quickstart(), role)
        use = Use.of([step for step in steps if getattr(step.recipe, "model", None) == model], 4)
        assert use.trained and use.sampled and use.with_adapter == bool(targets)
        assert [field for field, _ in use.targets] == targets


def test_a_mixture_of_experts_has_adapters_on_gpus_alone(tmp_path: Path) -> None:
    from transformers import MixtralConfig

    tiny_models.model(tmp_path, MixtralConfig(**tiny_models.SIZES, num_local_experts=4))
    check(tmp_path, SAMPLED)
    check(tmp_path, resources=GPU)
    check(tmp_path, WHOLE)
    with pytest.raises(ValueError, match="mixture of experts \\(4\\), and engines on CPU support no adapters"):
        check(tmp_path)


def test_a_language_model_that_the_engine_names_otherwise_is_refused(tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM, Qwen3_5ForConditionalGeneration

    text = tiny_models.SIZES | {"layer_types": ["full_attention"] * 2}
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 16}
    config = AutoConfig.for_model("qwen3_5", text_config=text, vision_config=vision)
    Qwen3_5ForConditionalGeneration(config).save_pretrained(tmp_path)
    tiny.folder(tmp_path, tiny.byte_level())
    check(tmp_path, SAMPLED)
    with pytest.raises(
        ValueError, match=r"runs the Qwen3_5ForConditionalGeneration .* makes Qwen3_5ForCausalLM .* save the language"
    ):
        check(tmp_path)
    AutoModelForCausalLM.from_pretrained(tmp_path).save_pretrained(tmp_path / "alone")
    tiny.folder(tmp_path / "alone", tiny.byte_level())
    check(tmp_path / "alone")


def test_an_architecture_that_the_engine_computes_otherwise_is_sampled_but_not_trained(tmp_path: Path) -> None:
    from transformers import DeepseekV2Config

    experts = {"n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "n_group": 1}
    latent = {"kv_lora_rank": 512, "q_lora_rank": None, "qk_rope_head_dim": 64, "topk_group": 1}
    tiny_models.model(tmp_path, DeepseekV2Config(**tiny_models.SIZES | {"num_key_value_heads": 2} | experts | latent))
    with pytest.raises(ValueError, match=r"other models of DeepseekV2ForCausalLM, by 3\.7 nats a token"):
        check(tmp_path)
    check(tmp_path, SAMPLED)


def test_layers_that_the_engine_makes_of_several_are_no_targets(tmp_path: Path) -> None:
    """GLM-4 has one layer gate_up_proj in training and in the engine, but vLLM expects two adapters for it."""
    from transformers import Glm4Config

    tiny_models.model(tmp_path, Glm4Config(**tiny_models.SIZES))
    check(tmp_path)
    targets = frozenset({("sft.lora.targets", ("q_proj", "gate_up_proj"))})
    with pytest.raises(ValueError, match=r"no adapter of the whole: leave gate_up_proj out of sft\.lora\.targets"):
        check(tmp_path, replace(ALL, targets=targets))


def test_windows_that_the_engine_does_not_mix_are_refused(tmp_path: Path) -> None:
    from transformers import Qwen2Config

    sizes = {name: size for name, size in tiny_models.SIZES.items() if name != "head_dim"}
    tiny_models.model(tmp_path, Qwen2Config(**sizes, use_sliding_window=True, sliding_window=8, max_window_layers=1))
    with pytest.raises(
        ValueError, match=r"max_window_layers=1 of 2\): set use_sliding_window to false .* 8 tokens, or take"
    ):
        check(tmp_path)
    config(use_sliding_window=False, layer_types=None)(tmp_path)
    check(tmp_path)


def test_targets_of_another_architecture_are_refused_with_the_names_to_choose_from(tmp_path: Path) -> None:
    from transformers import GPT2Config

    tiny_models.model(tmp_path, GPT2Config(vocab_size=400, n_embd=16, n_layer=2, n_head=2, n_positions=256))
    with pytest.raises(
        ValueError, match=r"no linear layers q_proj, v_proj .* some of .\"c_attn\",\"c_fc\",\"c_proj\".$"
    ):
        check(tmp_path)


def test_vocab_json_and_merges_txt_are_a_tokenizer(tmp_path: Path) -> None:
    from transformers import GPT2Config

    path = tiny_models.model(tmp_path / "model", GPT2Config(vocab_size=400, n_embd=16, n_layer=2, n_head=2))
    bpe = json.loads((path / "tokenizer.json").read_text())["model"]
    (path / "tokenizer.json").unlink()
    (path / "vocab.json").write_text(json.dumps(bpe["vocab"]))
    (path / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in bpe["merges"]))
    named = {"tokenizer_class": "GPT2Tokenizer", "eos_token": "</s>", "bos_token": "<s>", "unk_token": "<unk>"}
    (path / "tokenizer_config.json").write_text(json.dumps(named))
    check(path, SAMPLED)


def test_vocab_json_and_merges_txt_come_from_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    from ray_jobs.models.folders import base_folder

    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "cache"))
    memory: Any = fsspec.filesystem("memory")
    for name in ("config.json", "vocab.json", "merges.txt"):
        memory.pipe(f"/gpt2/{name}", b"{}")
    folder = base_folder(Model(name="memory://gpt2", revision="sha256:1"), weights=False)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "merges.txt", "vocab.json"]


def test_heads_that_do_not_split_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2 attention heads cannot be split over gpus_per_engine=4"):
        check(tiny_models.llama(tmp_path), resources=load_resources("cluster-70b"))


@pytest.mark.parametrize(
    ("model_type", "sizes", "message"),
    [
        (
            "llama",
            {"head_dim": 12},
            "it has attention heads of size 12, and engines on CPU have only 8, 32: set gpus_per",
        ),
        ("llama", {"head_dim": None, "hidden_size": 40}, "it has attention heads of size 20, and engines on CPU"),
        (
            "deepseek_v2",
            {"kv_lora_rank": 32, "qk_rope_head_dim": 8},
            r"kv_lora_rank \+ qk_rope_head_dim 40, .* only 576",
        ),
        ("llama", {"head_dim": 32}, ""),
        ("deepseek_v2", {"kv_lora_rank": 512, "qk_rope_head_dim": 64}, ""),
    ],
)
def test_heads_that_engines_on_cpu_lack_are_refused(model_type: str, sizes: dict[str, Any], message: str) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):
        blank = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **(tiny_models.SIZES | sizes)))
    model_checks._check_heads(blank, GPU.gpus_per_engine)  # pyright: ignore[reportPrivateUsage]
    if not message:
        model_checks._check_heads(blank, LOCAL.gpus_per_engine)  # pyright: ignore[reportPrivateUsage]
        return
    with pytest.raises(ValueError, match=message):
        model_checks._check_heads(blank, LOCAL.gpus_per_engine)  # pyright: ignore[reportPrivateUsage]
