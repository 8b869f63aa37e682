"""`Prompt.thinking`: what a template makes of it, and thoughts in demonstrations and targets alike."""

from pathlib import Path

import pytest

from ray_jobs.models.tokens import Tokens
from ray_jobs.training.rows.encode import token_rows
from tests.unit.models import tiny
from tests.unit.models.test_chat import tokens
from w2s.recipe import Prompt
from w2s.records import Demonstration, SFTExample

THOUGHT = "<think>\n2 and 5\n</think>\n\n7.\n#### 7"
FALSE, NONE, TRUE = "false", "none", "true"


def made(path: Path, template: str, thinking: str) -> Tokens:
    value = {FALSE: False, NONE: None, TRUE: True}[thinking]
    return tokens(path, template, prompt=Prompt(style="chat", template="{question}", thinking=value))


CASES = [
    # template, thinking, end of the prompt behind "assistant\n", text of a demonstration and of a target
    ("QWEN_3", FALSE, "<think>\n\n</think>\n\n", "7.\n#### 7", "7.\n#### 7"),
    ("QWEN_3", NONE, "", THOUGHT, THOUGHT),
    ("QWEN_3", TRUE, "", THOUGHT, THOUGHT),
    ("GRANITE", FALSE, "", "7.\n#### 7", "7.\n#### 7"),
    ("GRANITE", TRUE, "", THOUGHT, THOUGHT),
    ("CHATML", NONE, "", THOUGHT, THOUGHT),
    ("THINKING", NONE, "", THOUGHT, THOUGHT),
    ("ALWAYS_THINKING", NONE, "<think>\n", THOUGHT, "2 and 5\n</think>\n\n7.\n#### 7"),
]


@pytest.mark.parametrize(("name", "thinking", "end", "shown", "target"), CASES)
def test_thoughts_are_kept_or_dropped_alike(
    name: str, thinking: str, end: str, shown: str, target: str, tmp_path: Path
) -> None:
    one = made(tmp_path, getattr(tiny, name), thinking)
    prompt = one.tokenizer.decode(one.prompt_ids("How many?", [Demonstration("d", "2 pens?", THOUGHT)]))
    assert prompt.endswith(f"<|im_start|>assistant\n{end}")
    assert f"<|im_start|>assistant\n{shown}<|im_end|>" in prompt
    completion = one.tokenizer.decode(one.completion_ids("How many?", THOUGHT))
    assert completion == f"{target}<|im_end|>"


def test_a_completion_that_begins_within_the_thought(tmp_path: Path) -> None:
    """As an engine returns it where the prompt has opened the thought."""
    one = made(tmp_path, tiny.ALWAYS_THINKING, NONE)
    text = "2 and 5</think>7."
    assert one.tokenizer.decode(one.completion_ids("How many?", text)) == f"{text}<|im_end|>"
    prompt = one.tokenizer.decode(one.prompt_ids("How many?", [Demonstration("d", "2 pens?", text)]))
    assert f"<|im_start|>assistant\n<think>\n{text}<|im_end|>" in prompt


def test_nothing_but_a_thought_is_not_trained_on_without_thoughts(tmp_path: Path) -> None:
    texts = [THOUGHT, "<think>\n5 + 2 = 7", "<think>7</think>\n"]
    examples = [SFTExample(str(n), "How many?", text, "weak") for n, text in enumerate(texts)]
    rows, counts = token_rows(examples, made(tmp_path / "a", tiny.QWEN_3, FALSE), 1024)
    assert len(rows) == counts.examples == 1 and counts.only_thought == 2
    assert token_rows(examples, made(tmp_path / "b", tiny.QWEN_3, TRUE), 1024)[1].examples == 3


@pytest.mark.parametrize("name", ["CHATML", "ALWAYS_THINKING", "LLAMA_3"])
@pytest.mark.parametrize("thinking", [FALSE, TRUE])
def test_a_template_without_the_switch_is_refused(name: str, thinking: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"knows neither enable_thinking nor thinking, so .*thinking={thinking} "):
        made(tmp_path, getattr(tiny, name), thinking)


def test_thinking_is_part_of_the_identity_only_where_it_is_set() -> None:
    assert "thinking" not in Prompt(style="chat").identity()
    assert Prompt(style="chat", thinking=False).identity() != Prompt(style="chat", thinking=True).identity()
    with pytest.raises(ValueError, match="thinking is for chat templates: set style=chat too"):
        Prompt(thinking=False)


@pytest.mark.parametrize("template", ["Q: {question}\nA: ", "Q: {question}\nA:\n", "Q: {question}\nA:\t"])
def test_a_template_that_ends_in_white_space_gives_no_second_one(template: str, tmp_path: Path) -> None:
    one = tokens(tmp_path, tiny.CHATML, prompt=Prompt(template=template))
    start = template.replace("{question}", "How many?")
    prompt = one.tokenizer.decode(one.prompt_ids("2 pens?", [Demonstration("d", "How many?", " 7. ")]))
    assert prompt.removeprefix("<s>").startswith(f"{start}7.\n\nQ: 2 pens?")
    ids = one.prompt_ids("How many?") + one.completion_ids("How many?", " 7. ")
    assert one.tokenizer.decode(ids).removeprefix("<s>") == f"{start}7.</s>"
