"""A foreign adapter is compared with its base by names and shapes, before an engine starts."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from ray_jobs.driver.checks.adapter import check_adapter
from ray_jobs.driver.checks.experiment import _check_memory, check_evaluation
from ray_jobs.models.adapters import adapter_revision, read_adapter
from ray_jobs.resources.presets import load_resources
from tests.unit.cost.test_memory import CONFIGS
from tests.unit.models import tiny_models
from w2s.graph.evaluate import Asked, build_evaluation
from w2s.graph.recipes import ForeignAdapter
from w2s.graph.step import Step
from w2s.recipe import Answers, Evaluation, Model, Sampling, Source
from w2s.recipe.problems import TestProblems

TARGETS = ["q_proj", "v_proj", "down_proj"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bases, and an adapter of `base` as PEFT saves it."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("adapters")
    base = tiny_models.llama(folder / "base", head_dim=32)
    tiny_models.llama(folder / "deeper", head_dim=32, num_hidden_layers=3)
    tiny_models.llama(folder / "shallower", head_dim=32, num_hidden_layers=1)
    tiny_models.llama(folder / "wider", head_dim=32, hidden_size=32)
    config = LoraConfig(r=4, target_modules=TARGETS, task_type="CAUSAL_LM")
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(folder / "adapter")
    return folder


def model(place: Path, name: str = "base") -> Model:
    return Model(name=str(place / name), revision="sha256:0")


def changed(place: Path, to: Path, tensors: Any = lambda all: all, **fields: Any) -> str:
    to.mkdir()
    config = json.loads((place / "adapter/adapter_config.json").read_text()) | fields
    (to / "adapter_config.json").write_text(json.dumps(config))
    save_file(tensors(load_file(place / "adapter/adapter_model.safetensors")), to / "adapter_model.safetensors")
    return str(to)


def test_the_adapter_of_a_base_passes(place: Path, tmp_path: Path) -> None:
    check_adapter(str(place / "adapter"), model(place))
    some = changed(place, tmp_path / "some", layers_to_transform=[0, 1])
    check_adapter(some, model(place, "deeper"))


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("shallower", r"shallower has no linear layer for its base_model\.model\.model\.layers\.1\..*: give the base"),
        ("deeper", r"it has no weights for 3 layers of .*deeper, such as model\.layers\.2\.mlp\.down_proj: give"),
        ("wider", r"has lora_A \[4, 32\] and lora_B \[16, 4\], and r=4 with .*wider takes \[4, 32\] and \[32, 4\]"),
    ],
)
def test_another_base_is_refused(base: str, said: str, place: Path) -> None:
    with pytest.raises(ValueError, match=said):
        check_adapter(str(place / "adapter"), model(place, base))


@pytest.mark.parametrize(
    ("change", "fields", "said"),
    [
        (lambda all: all, {"r": 8}, r"has lora_A \[4, .*and r=8 with .* takes \[8, "),
        (lambda all: dict(list(all.items())[1:]), {}, "has lora_A None and lora_B"),
        (lambda all: {}, {}, "has no weights: save the adapter again"),
        (lambda all: {**all, "base_model.model.model.embed_tokens.lora_embedding_A": next(iter(all.values())) + 0},
         {}, "no linear layer for its base_model.model.model.embed_tokens"),
        (lambda all: all, {"rank_pattern": {"q_proj": 2}}, "with rank_pattern: merge it into its base"),
        (lambda all: all, {"init_lora_weights": "pissa_niter_4"}, "with init_lora_weights: merge it"),
    ],
)  # fmt: skip
def test_a_changed_adapter_is_refused(
    change: Any, fields: dict[str, Any], said: str, place: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        check_adapter(changed(place, tmp_path / "changed", change, **fields), model(place))


def test_a_cut_file_is_refused(place: Path, tmp_path: Path) -> None:
    name = changed(place, tmp_path / "cut")
    file = Path(name) / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"--adapter .*cut: adapter_model.safetensors has \d+ bytes, and its header"):
        check_adapter(name, model(place))


def evaluation(model: Model, adapter: str = "") -> tuple[Step, ...]:
    table = None
    if adapter:
        table = Step("adapter", ForeignAdapter(name=adapter, revision=adapter_revision(read_adapter(adapter))))["model"]
    source = TestProblems(test=Source(name="x.jsonl", answer="answer"))
    made = Evaluation(problems=source, model=model, answers=Answers(), greedy=Sampling(max_tokens=64))
    return build_evaluation(made, [Asked("mine", model, table)])[0]


@pytest.mark.slow
def test_an_evaluation_compares_adapter_and_base(place: Path) -> None:
    adapter = str(place / "adapter")
    check_evaluation(evaluation(model(place), adapter), load_resources("local"))
    with pytest.raises(ValueError, match="it has no weights for 3 layers"):
        check_evaluation(evaluation(model(place, "deeper"), adapter), load_resources("local"))


def test_an_evaluation_that_does_not_fit_on_its_gpus_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIGS["Llama-2-70b"]))
    steps = evaluation(Model(name=str(tmp_path), revision="sha256:0"))
    _check_memory(steps, load_resources("cluster-70b"))
    with pytest.raises(ValueError, match=r"engine of .* does not fit: it takes at least 1\d\d\.\d GiB of each GPU"):
        _check_memory(steps, load_resources("one-gpu"))
