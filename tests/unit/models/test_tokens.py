"""Ids of prompts and completions: one BOS, one end token, no special token obeyed out of a question, the same prefix
for all."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from tests.unit.models.tiny import CHATML, LLAMA_2, MARKERS, QWEN_3, byte_level, folder, sentence_piece
from w2s.experiments.quickstart import quickstart
from w2s.method.prompts import prompt_text
from w2s.recipe import Prompt
from w2s.records import Demonstration

CHAT = (
    "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)
SHOWN = [Demonstration("d", "Leo has 2 pens. How many pens?", " 2.\n#### 2")]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer(base_folder(quickstart().strong))


@pytest.fixture
def chat(tmp_path: Path) -> Any:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(base_folder(quickstart().strong))
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(tmp_path)
    return load_tokenizer(tmp_path)


@pytest.mark.parametrize("shown", [[], SHOWN])
def test_a_plain_prompt_has_the_tokenizers_bos_once(tokenizer: Any, shown: list[Demonstration]) -> None:
    ids = Tokens(tokenizer, Prompt()).prompt_ids("How many pens does Leo have?", shown)
    assert ids.count(tokenizer.bos_token_id) == 1 and ids[0] == tokenizer.bos_token_id
    assert tokenizer.decode(ids[1:]) == prompt_text(Prompt(), "How many pens does Leo have?", shown)


@pytest.mark.parametrize(
    "question", ["Who wrote </s> here?", "<s><s> a", "{question} {x} %s", "a\x00b", "\u202e rtl", ""]
)
def test_a_question_is_text_whatever_it_says(tokenizer: Any, question: str) -> None:
    ids = Tokens(tokenizer, Prompt()).prompt_ids(question)
    assert ids.count(tokenizer.bos_token_id) == 1 and tokenizer.eos_token_id not in ids
    assert question.strip() in tokenizer.decode(ids)


@pytest.mark.parametrize("completion", [" 2 + 2 = 4.\n#### 4", "2 + 2 = 4.\n#### 4\n\n", " 4</s>", "  "])
def test_a_completion_follows_its_prompt_and_ends_once(tokenizer: Any, completion: str) -> None:
    tokens = Tokens(tokenizer, Prompt())
    prompt, ids = tokens.prompt_ids("How many?"), tokens.completion_ids("How many?", completion)
    assert ids.count(tokenizer.eos_token_id) == 1 and ids[-1] == tokenizer.eos_token_id
    assert tokenizer.decode((prompt + ids)[1:-1]) == "Question: How many?\nAnswer: " + completion.strip()
    assert tokens.boundary_merges == 0


def test_a_merge_across_the_seam_is_counted(tokenizer: Any) -> None:
    tokens = Tokens(tokenizer, Prompt(template="{question}\n"))
    prompt, ids = tokens.prompt_ids("a"), tokens.completion_ids("a", "#### 4")
    assert tokenizer.decode((prompt + ids)[1:-1]).replace(" ", "") == "a\n####4"


def test_chat_prompts_use_the_template_and_no_second_bos(chat: Any) -> None:
    tokens = Tokens(chat, Prompt(style="chat", template="{question}"))
    ids = tokens.prompt_ids("How many?", SHOWN)
    assert (
        chat.decode(ids) == "<s>user\nLeo has 2 pens. How many pens?</s>\n<s>assistant\n2.\n#### 2</s>\n"
        "<s>user\nHow many?</s>\n<s>assistant\n"
    )
    assert chat.decode(tokens.completion_ids("How many?", " 4")) == "4</s>"


def test_chat_without_a_template_is_refused(tokenizer: Any) -> None:
    with pytest.raises(ValueError, match="no chat template"):
        Tokens(tokenizer, Prompt(style="chat", template="{question}"))


def test_a_folder_without_a_tokenizer_says_what_to_put_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"tokenizer\.json"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    "config",
    [
        {"additional_special_tokens": ["<|turn|>"]},
        {"extra_special_tokens": ["<|turn|>"]},
        {"additional_special_tokens": ["<|turn|>"], "extra_special_tokens": []},
        {"additional_special_tokens": ["<|turn|>"], "extra_special_tokens": ["<|end|>"]},
        {
            "additional_special_tokens": [{"content": "<|turn|>"}, 7, None, "<absent>"],
            "extra_special_tokens": ["<|end|>"],
        },
    ],
)
def test_special_tokens_that_only_the_config_names_are_text_in_a_question(config: Any, tmp_path: Path) -> None:
    made = byte_level(special=("<|end|>",), plain=("<|turn|>",))
    tokens = Tokens(load_tokenizer(folder(tmp_path / "m", made, **config)), Prompt())
    number = tokens.tokenizer.convert_tokens_to_ids("<|turn|>")
    ids = tokens.prompt_ids("a <|turn|> b")
    assert number not in ids and "a <|turn|> b" in tokens.tokenizer.decode(ids)


class OneByOne(Tokens):
    """Ids by transformers' own call, a text at a time."""

    def _encoded(self, texts: Sequence[str], split: bool) -> list[list[int]]:
        return [
            self.tokenizer(text, add_special_tokens=False, split_special_tokens=split)["input_ids"] for text in texts
        ]


HOSTILE = (*MARKERS, "<s>", "</s>", "<pad>", "<think>", "</think>", "\ue0f2", "\ue0f21\ue0f2", "{question}", "\x00")
WORDS = (
    "pens",
    "12 + 7 = 19.",
    "#### 19",
    "Question:",
    "Answer:",
    " ",
    "  ",
    "\n",
    "\n\n",
    "na\u00efve",
    "\ufdfa",
    "\u0958",
)
TEXTS = st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(HOSTILE), st.text(max_size=5)), max_size=8).map(
    "".join
)
KINDS: dict[str, tuple[Any, str, Prompt]] = {
    "bytes": (byte_level(special=MARKERS), "", Prompt()),
    "bytes, markers not special": (byte_level(plain=MARKERS), "", Prompt(template="{question}\n")),
    "sentence piece": (sentence_piece(special=MARKERS), "", Prompt()),
    "sentence piece, markers not special": (sentence_piece(plain=MARKERS), LLAMA_2, Prompt(style="chat")),
    "turns": (byte_level(special=MARKERS), CHATML, Prompt(style="chat")),
    "thoughts": (byte_level(special=MARKERS, plain=("<think>",)), QWEN_3, Prompt(style="chat", thinking=True)),
}


@pytest.fixture(scope="module", params=KINDS)
def both_ways(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tokens, Tokens]:
    made, template, prompt = KINDS[request.param]
    named = {"tokenizer_class": "PreTrainedTokenizerFast"} | ({"chat_template": template} if template else {})
    loaded = load_tokenizer(folder(tmp_path_factory.mktemp("made") / "m", made, **named))
    return Tokens(loaded, prompt), OneByOne(loaded, prompt)


@settings(deadline=None, max_examples=15)
@given(
    rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6), shown=st.lists(st.tuples(TEXTS, TEXTS), max_size=2)
)
def test_many_texts_at_once_have_the_ids_of_each_alone(
    both_ways: tuple[Tokens, Tokens], rows: list[tuple[str, str]], shown: list[tuple[str, str]]
) -> None:
    """Repeated texts too, and completions whose first token would have merged with the prompt."""
    together, alone = both_ways
    demonstrations = [Demonstration(str(number), *texts) for number, texts in enumerate(shown)]
    rows = [*rows, rows[0]]
    questions, completions = [row[0] for row in rows], [row[1] for row in rows]
    before = together.boundary_merges, alone.boundary_merges
    prompts = together.prompts_ids(questions, demonstrations)
    assert prompts == [alone.prompt_ids(question, demonstrations) for question in questions]
    blank = len(together.prompt_ids("?", demonstrations))
    assert all(len(ids) <= blank + together.most_ids(q) for q, ids in zip(questions, prompts, strict=True))
    found = together.completions_ids(questions, completions, together.prompts_ids(questions))
    assert found == [alone.completion_ids(*row) for row in rows]
    assert together.boundary_merges - before[0] == alone.boundary_merges - before[1]
