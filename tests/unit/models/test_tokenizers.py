"""The tokenizer of a folder is the one of its tokenizer.json, whatever class the folder names; BOS once, and no end
token in a prompt."""

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, processors

from ray_jobs.models.tokenizers import PROBES, engine_tokenizer, load_tokenizer
from ray_jobs.models.tokens import Tokens
from tests.unit.models.tiny import byte_level, folder, sentence_piece
from w2s.recipe import Prompt


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "cache"))


CLASSES = ["LlamaTokenizerFast", "LlamaTokenizer", "GemmaTokenizerFast", "Qwen2TokenizerFast", "GPT2TokenizerFast"]
CLASSES += ["PreTrainedTokenizerFast", "BertTokenizerFast", "T5TokenizerFast", "CohereTokenizerFast", "NoSuchTokenizer"]


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("made", [byte_level, sentence_piece])
def test_every_class_reads_as_the_file_does(made: Any, name: str, tmp_path: Path) -> None:
    model = folder(tmp_path / "m", made(), tokenizer_class=name)
    raw = Tokenizer.from_file(str(model / "tokenizer.json"))
    for_engine = engine_tokenizer(model)
    for tokenizer in (load_tokenizer(model), load_tokenizer(for_engine)):
        for probe in PROBES:
            ids = raw.encode(probe, add_special_tokens=False).ids
            assert tokenizer(probe, add_special_tokens=False)["input_ids"] == ids
            assert tokenizer.decode(ids) == raw.decode(ids, skip_special_tokens=False) == probe
        assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == ("<s>", "</s>", "<pad>")
    assert engine_tokenizer(for_engine) == for_engine, "vLLM loads this folder as it is"


def test_the_class_that_fits_is_kept(tmp_path: Path) -> None:
    model = folder(tmp_path / "m", byte_level(), tokenizer_class="GPT2TokenizerFast")
    assert type(load_tokenizer(model)).__name__ == "GPT2Tokenizer" and engine_tokenizer(model) == model


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"tokenizer.json": "{}"}, "no tokenizer that loads"),
        ({"tokenizer.json": "version https://git-lfs.github.com/spec/v1\n"}, "no tokenizer that loads"),
        ({"tokenizer_config.json": "[]"}, "no tokenizer that loads"),
        ({"tokenizer_config.json": '{"eos_token": null}'}, "no end token"),
        (
            {"tokenizer_config.json": '{"eos_token": "<|eot|>"}'},
            r"end token '<\|eot\|>' .* is not in its tokenizer.json",
        ),
    ],
)
def test_a_broken_tokenizer_is_one_line(broken: dict[str, str], said: str, tmp_path: Path) -> None:
    model = folder(tmp_path / "m", byte_level(), tokenizer_class="PreTrainedTokenizerFast")
    for name, text in broken.items():
        (model / name).write_text(text)
    with pytest.raises(ValueError, match=said) as error:
        load_tokenizer(model)
    assert "\n" not in str(error.value) and str(model) in str(error.value)


@pytest.mark.parametrize("name", [*CLASSES, "Qwen2Tokenizer", "RobertaTokenizer", None])
@pytest.mark.parametrize(
    ("files", "said"),
    [
        (("vocab.json",), "has vocab.json and no merges.txt, .* put the model's own file there"),
        (("merges.txt",), "has merges.txt and no vocab.json, .* put the model's own file there"),
        ((), "has no tokenizer that loads"),
    ],
)
def test_a_part_of_a_tokenizer_is_no_tokenizer(files: tuple[str, ...], said: str, name: Any, tmp_path: Path) -> None:
    """transformers makes some classes of no file at all; their prompts have no tokens."""
    model = folder(tmp_path / "m", byte_level(), **({"tokenizer_class": name} if name else {}))
    bpe = json.loads((model / "tokenizer.json").read_text())["model"]
    (model / "tokenizer.json").unlink()
    texts = {"vocab.json": json.dumps(bpe["vocab"]), "merges.txt": "".join(f"{a} {b}\n" for a, b in bpe["merges"])}
    for file in files:
        (model / file).write_text(texts[file])
    with pytest.raises(ValueError, match=said) as error:
        load_tokenizer(model)
    assert "\n" not in str(error.value) and str(model) in str(error.value)


def with_ends(before: str, behind: str) -> Tokenizer:
    made = sentence_piece(special=("[CLS]", "[SEP]"))
    numbers = [(token, made.token_to_id(token)) for token in f"{before} {behind}".split()]
    template: Any = processors.TemplateProcessing
    made.post_processor = template(single=f"{before} $A {behind}".strip(), special_tokens=numbers)
    return made


@pytest.mark.parametrize(
    ("tokenizer", "config", "start"),
    [
        (sentence_piece(), {}, []),
        (sentence_piece(), {"add_bos_token": True}, ["<s>"]),
        (sentence_piece(), {"add_bos_token": True, "add_eos_token": True}, ["<s>"]),
        (with_ends("<s>", ""), {}, ["<s>"]),
        (with_ends("<s>", "</s>"), {}, ["<s>"]),
        (with_ends("<s>", "</s>"), {"add_bos_token": True, "add_eos_token": True}, ["<s>"]),
        (with_ends("<s>", ""), {"add_bos_token": False}, []),
        (with_ends("", "</s>"), {"add_eos_token": True}, []),
        (with_ends("[CLS]", "[SEP]"), {}, ["[CLS]"]),
        (with_ends("", "[SEP]"), {}, []),
        (sentence_piece(), {"add_bos_token": True, "bos_token": None}, []),
    ],
)
@pytest.mark.parametrize("name", ["LlamaTokenizerFast", "PreTrainedTokenizerFast"])
def test_a_prompt_begins_as_the_model_wants_and_ends_with_text(
    tokenizer: Tokenizer, config: dict[str, Any], start: list[str], name: str, tmp_path: Path
) -> None:
    loaded = load_tokenizer(folder(tmp_path / "m", tokenizer, tokenizer_class=name, **config))
    tokens = Tokens(loaded, Prompt())
    ids = tokens.prompt_ids("How many?")
    plain: list[int] = loaded("Question: How many?\nAnswer:", add_special_tokens=False)["input_ids"]
    assert loaded.convert_ids_to_tokens(ids[: len(ids) - len(plain)]) == start and ids[len(start) :] == plain
    completion = tokens.completion_ids("How many?", "19 pens.")
    assert loaded.convert_ids_to_tokens(completion[-1]) == "</s>" and completion.count(completion[-1]) == 1
    assert loaded.decode((ids + completion)[len(start) : -1]).endswith("Answer: 19 pens.")
