"""`w2s export`: training data that TRL reads, models that PEFT and transformers load, cards, and clear errors."""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.cli.main import main
from tests.unit.cli.small_run import IDS, commit, small_run, steps_of, trained_run
from tests.unit.models.tiny import byte_level, folder
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import FineTune
from w2s.graph.step import step as make_step
from w2s.method.prompts import prompt_text
from w2s.recipe import Model, Prompt, WorldProblems
from w2s.records import Demonstration, PreferencePair, SFTExample
from w2s.report.exports.cards import ModelCard, data_card, model_card
from w2s.report.exports.datasets import dataset_info, files, llama_factory, trl
from w2s.store.store import Store

EXAMPLE = SFTExample("p", " 1 + 1? ", "two\u2028\n#### 2", "weak")
PAIR = PreferencePair("p", "1 + 1?", "#### 2", "#### 3", "strong", "2", "3", 0.9)
CHAT = Prompt(style="chat", template="Solve: {question}")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return small_run(tmp_path_factory.mktemp("export"), without=("orpo",))


@pytest.mark.parametrize(
    ("row", "prompt", "expected"),
    [
        (EXAMPLE, Prompt(), {"prompt": "Question: 1 + 1?\nAnswer:", "completion": " two\u2028\n#### 2"}),
        (PAIR, Prompt(), {"prompt": "Question: 1 + 1?\nAnswer:", "chosen": " #### 2", "rejected": " #### 3"}),
        (
            PAIR,
            CHAT,
            {
                "prompt": [{"role": "user", "content": "Solve: 1 + 1?"}],
                "chosen": [{"role": "assistant", "content": "#### 2"}],
                "rejected": [{"role": "assistant", "content": "#### 3"}],
            },
        ),
    ],
)
def test_rows_for_trl(row: Any, prompt: Prompt, expected: dict[str, Any]) -> None:
    assert trl(row, prompt) == expected


def test_rows_for_llama_factory() -> None:
    info = json.loads(dataset_info({"hybrid": SFTExample, "pairs": PreferencePair}))
    for name, row in (("hybrid", EXAMPLE), ("pairs", PAIR)):
        columns = info[name]["columns"]
        assert set(columns.values()) == set(llama_factory(row, Prompt())), "every column is there, and no other"
    assert info["pairs"]["ranking"] is True and set(info["pairs"]["columns"]) == {"prompt", "chosen", "rejected"}
    assert "ranking" not in info["hybrid"] and set(info["hybrid"]["columns"]) == {"prompt", "response"}


def test_a_line_separator_in_a_text_ends_no_row() -> None:
    written = files("hybrid", [EXAMPLE, EXAMPLE], Prompt())
    assert {len(data.decode().splitlines()) for data in written.values()} == {2}
    assert json.loads(written["jsonl/hybrid.jsonl"].decode().splitlines()[0])["completion"] == EXAMPLE.completion


@pytest.mark.slow
def test_the_targets_own_loaders_read_the_data(store: Store, tmp_path: Path) -> None:
    from datasets import load_dataset
    from trl import data_utils

    for name, tables in (("consistent_1", ["weak", "icl", "hybrid"]), ("pairs", ["pairs"])):
        place = tmp_path / name
        assert main(["export", "quickstart", "--store", store.objects.url, name, "--to", str(place)]) == 0
        card = (place / "README.md").read_text()
        for table in tables:
            # By the card's own configurations, as the hub reads a dataset.
            rows: Any = load_dataset(str(place), table, split="train", cache_dir=str(tmp_path / "cache"))
            assert f"| `{table}` | {len(rows)} |" in card
            assert not data_utils.is_conversational(rows[0])
            assert set(rows.column_names) == (
                {"prompt", "chosen", "rejected"} if table == "pairs" else {"prompt", "completion"}
            )
        info = json.loads((place / "llama-factory/dataset_info.json").read_text())
        for entry in info.values():
            assert (place / "llama-factory" / entry["file_name"]).is_file()
    chat = trl(PAIR, CHAT)
    assert data_utils.is_conversational(chat)


def test_cards_survive_hostile_names() -> None:
    steps = {step.name: step for step in steps_of(Store.at("/nowhere"))}
    model = Model(name="owner/name", revision="0" * 40, prompt=Prompt(template="```\n{question}\n```"))
    tuned = make_step(
        "ft", FineTune(model=model, sft=quickstart().sft), problems=make_step("p", WorldProblems())["train_1"]
    )
    card = model_card(ModelCard(tuned, model, "owner/name", (1,), 9, "\x1b[2J\n# forged", None, 0, {"w2s": "1"}))
    assert "\x1b" not in card and "\n# forged" not in card and "````text\n```" in card
    assert (
        'base_model: "owner/name"' in card
        and "owner/name@" in card
        and "token ids [1]" in card
        and "Not scored" in card
    )
    card = data_card(steps["pairs"], "e", {"pairs": 2}, {"a|b\n": 3})
    assert "| a\\|b\\n | 3 |" in card and "Gold answers were an input of weak_sft alone." in card


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return trained_run(tmp_path_factory.mktemp("trained"), tmp_path_factory.mktemp("adapter"))


@pytest.mark.slow
def test_models_load_with_peft_and_transformers_and_answer_alike(
    trained: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch
    from peft import AutoPeftModelForCausalLM, PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from ray_jobs.models.folders import base_folder, trained_folder
    from ray_jobs.models.tokenizers import load_tokenizer
    from ray_jobs.models.tokens import Tokens

    for name, more in (("adapter", []), ("merged", ["--merge"])):
        to = ["--to", str(tmp_path / name)]
        assert main(["export", "quickstart", "dpo", "--store", trained.objects.url, *to, *more]) == 0
    strong = quickstart().strong
    (dpo,) = (step for step in steps_of(trained) if step.name == "dpo")
    base = AutoModelForCausalLM.from_pretrained(base_folder(strong), dtype=torch.float32)
    own: Any = PeftModel.from_pretrained(base, str(trained_folder(trained, dpo["model"]))).eval()
    tokens = Tokens(load_tokenizer(base_folder(strong)), strong.prompt)
    ids = torch.tensor([tokens.prompt_ids("Leo has 12 pens. Leo buys 7 more. How many pens does Leo have?")])
    with torch.no_grad():
        expected = own(ids).logits
        plain = AutoModelForCausalLM.from_pretrained(base_folder(strong), dtype=torch.float32)(ids).logits
    assert (expected - plain).abs().max() > 0.1, "the adapter changes the model"
    adapter: Any = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "adapter", dtype=torch.float32)
    merged: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32)
    for model, tolerance in ((adapter, 1e-4), (merged, 0.05)):  # a merged model has the base's own dtype, 16 bits
        with torch.no_grad():
            assert torch.allclose(model.eval()(ids).logits, expected, atol=tolerance)
    assert merged.generation_config.max_new_tokens == quickstart().greedy.max_tokens
    for place in (tmp_path / "adapter", tmp_path / "merged"):
        tokenizer = AutoTokenizer.from_pretrained(place)
        question = "Mia has 5 books?"
        assert tokenizer(prompt_text(strong.prompt, question))["input_ids"] == tokens.prompt_ids(question)
        turns = [
            {"role": "user", "content": "A?"},
            {"role": "assistant", "content": "B"},
            {"role": "user", "content": "C'\\?"},
        ]
        rendered = tokenizer.apply_chat_template(turns, tokenize=True, add_generation_prompt=True)["input_ids"]
        assert rendered == tokens.prompt_ids("C'\\?", [Demonstration("p", "A?", "B")])
        config = json.loads((place / "generation_config.json").read_text())
        assert config["eos_token_id"] == sorted(tokens.end_tokens)
        assert config["stop_strings"] == list(strong.prompt.stop_strings)
        card = (place / "README.md").read_text()
        code = re.search(r"```python\n(.*?)```", card, re.DOTALL)
        assert code is not None
        capsys.readouterr()
        exec(code[1].replace("FOLDER", str(place)).replace("QUESTION", "What is 2 + 2?"), {})
        answer = capsys.readouterr().out.rstrip("\n")
        assert sum(answer.count(stop) for stop in strong.prompt.stop_strings) <= 1, "it stops at the first"
        everything = "".join(path.read_text() for path in place.glob("*.json")) + (place / "README.md").read_text()
        assert "package:" not in everything, "nobody else has w2s's package"
        assert "accuracy 100.0 % (2 of 2)" in everything and re.search(r"\| dpo \| .*pairs\.pairs", everything)


@pytest.mark.slow
def test_a_whole_model_is_exported_and_asked_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray_jobs.models.folders import base_folder

    sft = quickstart().sft.model_copy(update={"lora": None})
    weak = quickstart().weak
    assert isinstance(weak, Model)
    run, whole = small_run(tmp_path / "store", without=("dpo", "orpo"), sft=sft), base_folder(weak)
    (dpo,) = (step for step in steps_of(run, sft=sft) if step.name == "dpo")
    commit(run, dpo, {"model": [(path.name, path.read_bytes()) for path in sorted(whole.iterdir()) if path.is_file()]})
    given = ["quickstart", "dpo", "--store", run.objects.url, "--set", "sft.lora=none"]
    assert main(["export", *given, "--to", str(tmp_path / "to"), "--merge"]) == 2
    assert "dpo has no adapter" in capsys.readouterr().err
    assert main(["export", *given, "--to", str(tmp_path / "to")]) == 0
    assert (tmp_path / "to/model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert not (tmp_path / "to/base").exists() and (tmp_path / "to/chat_template.jinja").is_file()
    config = json.loads((tmp_path / "to/generation_config.json").read_text())
    assert config["max_new_tokens"] == quickstart().greedy.max_tokens
    card = (tmp_path / "to/README.md").read_text()
    assert "A model with all weights trained, made by w2s" in card and '"lora"' not in card.split("---")[1]
    assert 'AutoModelForCausalLM.from_pretrained("FOLDER")' in card and "accuracy 100.0 % (2 of 2)" in card
    answers: list[str] = []
    for asked in (given, ["quickstart", "strong_base", *given[2:]]):
        monkeypatch.setattr(sys, "stdin", io.StringIO("Leo has 12 pens. Leo buys 7 more. How many?\n"))
        capsys.readouterr()
        assert main(["chat", *asked]) == 0
        answers.append(capsys.readouterr().out)
    assert answers[0] and answers[1] and answers[0] != answers[1], "here the trained model is the weak base"


def test_a_base_of_the_hub_is_named_by_name_and_commit(trained: Store, tmp_path: Path) -> None:
    from ray_jobs.models.export import export_adapter

    (dpo,) = (step for step in steps_of(trained) if step.name == "dpo")
    model = Model(name="meta-llama/Llama-3.1-8B", revision="d" * 40)
    assert export_adapter(trained, dpo["model"], model, tmp_path, tmp_path) == model.name
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == (model.name, model.revision)
    assert not (tmp_path / "base").exists(), "the hub has it"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dpoo", "--to", "NEW"], "did you mean dpo?"),
        (["orpo", "--to", "NEW"], "orpo is not finished"),
        (["sampled", "--to", "NEW"], "steps to export: weak_sft, consistent_1"),
        (["dpo", "--to", "FULL"], "is there already"),
        (["dpo", "--to", "FILE"], "is there already"),
        (["dpo", "--to", "/proc/no/place"], "cannot be written"),
        (["pairs", "--to", "NEW", "--merge"], "pairs has no adapter"),
        (["dpo", "--to", "NEW", "--set", "problems.seed=99"], "has no step of quickstart with this --set"),
    ],
)
def test_wrong_input(
    store: Store, arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {"NEW": str(tmp_path / "new"), "FULL": str(tmp_path / "full"), "FILE": str(tmp_path / "full/file")}
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    assert main(["export", "quickstart", "--store", store.objects.url, *(places.get(a, a) for a in arguments)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["full"], "nothing half-written is left"


def test_ids_are_in_the_rows(store: Store, tmp_path: Path) -> None:
    assert main(["export", "quickstart", "pairs", "--store", store.objects.url, "--to", str(tmp_path / "new")]) == 0
    (row,) = (json.loads(line) for line in (tmp_path / "new/jsonl/pairs.jsonl").read_text().splitlines())
    assert row["problem_id"] == IDS[1] and row["confidence"] == 0.8


@pytest.mark.parametrize(
    ("adds_bos", "first"),
    [(None, None), (True, (1,)), (False, None)],
)
def test_what_a_prompt_begins_with(adds_bos: bool | None, first: tuple[int, ...] | None, tmp_path: Path) -> None:
    """A tokenizer_config.json may ask for BOS that the tokenizer.json does not add."""
    from transformers import AutoTokenizer

    from ray_jobs.models.export import export_tokenizer
    from ray_jobs.models.tokenizers import load_tokenizer
    from ray_jobs.models.tokens import Tokens

    more = {} if adds_bos is None else {"add_bos_token": adds_bos}
    base = folder(tmp_path / "base", byte_level(), tokenizer_class="PreTrainedTokenizerFast", **more)
    model = Model(name=str(base), revision="sha256:0")
    (tmp_path / "to").mkdir()
    assert export_tokenizer(model, tmp_path / "to", 9) == first
    tokens = Tokens(load_tokenizer(base), model.prompt)
    exported = AutoTokenizer.from_pretrained(tmp_path / "to")
    turns = [{"role": "user", "content": "1 + 1?"}]
    assert exported.apply_chat_template(turns, tokenize=True)["input_ids"] == tokens.prompt_ids("1 + 1?")
