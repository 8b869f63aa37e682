"""Chat rows: which turn is the question, which the solution, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.data.problem_files import Lists, read_problems, recipe
from w2s.recipe import Source

OPENAI = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is 1 + 1?"},
    {"role": "assistant", "content": "1 + 1 = 2\n#### 2"},
]
SHAREGPT = [{"from": "human", "value": "What is 1 + 1?"}, {"from": "gpt", "value": "1 + 1 = 2\n#### 2"}]
PARTS = [
    {"role": "user", "content": [{"type": "text", "text": "What is "}, {"type": "text", "text": "1 + 1?"}]},
    {"role": "assistant", "content": [{"type": "text", "text": "1 + 1 = 2\n#### 2"}]},
]
LATER = [
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "#### 7"},
    {"role": "user", "content": "What is 1 + 1?"},
    {"role": "tool", "content": "2"},
    {"role": "assistant", "content": "1 + 1 = 2\n#### 2"},
]
CAPITALS = [{"role": "User", "content": "What is 1 + 1?"}, {"role": "Model", "content": "1 + 1 = 2\n#### 2"}]
MESSAGES = {"question": "messages", "solution": "messages"}


def read(tmp_path: Path, name: str, fields: dict[str, Any]) -> tuple[Lists, dict[str, float]]:
    made = recipe(tmp_path)
    test = Source(name=str(tmp_path / name), **fields)
    splits, counts, _ = read_problems(made.model_copy(update={"test": test}))
    return splits["test"], counts


@pytest.mark.parametrize(
    "chat", [OPENAI, SHAREGPT, PARTS, LATER, CAPITALS], ids=["openai", "sharegpt", "parts", "later", "capitals"]
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.parquet"])
def test_last_turns(tmp_path: Path, chat: Any, name: str) -> None:
    if name == "a.parquet":
        pq.write_table(pa.Table.from_pylist([{"messages": chat}]), tmp_path / name)
    else:
        (tmp_path / name).write_text(json.dumps({"messages": chat} if name == "a.jsonl" else [{"messages": chat}]))
    split, counts = read(tmp_path, name, MESSAGES)
    assert [problem.question for problem in split.problems] == ["What is 1 + 1?"]
    assert [(one.answer, one.solution) for one in split.references] == [("2", "1 + 1 = 2\n#### 2")]
    assert counts.get("test_earlier_turns_left_out", 0) == (chat in (OPENAI, LATER))


def test_turns_in_two_columns(tmp_path: Path) -> None:
    """TRL's prompt and completion, and a prompt with its gold beside it."""
    row = {"prompt": OPENAI[:2], "completion": OPENAI[2:], "reward_model": {"ground_truth": "2"}}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    split, _ = read(tmp_path, "a.jsonl", {"question": "prompt", "solution": "completion"})
    assert split.references[0].answer == "2"
    split, _ = read(tmp_path, "a.jsonl", {"question": "prompt", "answer": "reward_model.ground_truth"})
    assert (split.problems[0].question, split.references[0].answer) == ("What is 1 + 1?", "2")


USER, ASSISTANT = {"role": "user", "content": "q"}, {"role": "assistant", "content": "#### 1"}
BAD: list[tuple[Any, str]] = [
    ([ASSISTANT], r"question\) .*no last turn of a user has text; the roles of its turns are assistant: repair"),
    ([USER], r"solution\) .*no last turn of an assistant has text; the roles of its turns are user: repair"),
    ([USER, ASSISTANT, USER], r"solution\) .*no last turn of an assistant has text; .* are user, assistant:"),
    ([{"role": "prompter", "content": "q"}, ASSISTANT], r"question\) .*roles of its turns are prompter, assistant:"),
    ([USER, {"role": "assistant", "content": None, "tool_calls": []}], r"solution\) .*no last turn of an assistant"),
    (
        [{"role": "user", "content": [{"type": "image", "url": "x"}]}, ASSISTANT],
        r"a part of type 'image', and only text",
    ),
    ([{"role": "user", "content": ["q"]}, ASSISTANT], r"a part of type 'str', and only text"),
    ([{"role": "user", "content": " "}, ASSISTANT], r"question\) .*must not be empty"),
    ([], r"a question must be text"),
    ([{"text": "q"}], r"a question must be text"),
    ("q", r"only a chat holds question and solution in one column: name two"),
    (json.dumps([USER, ASSISTANT]), r"it is a chat written as text: write the turns as objects"),
    (str([USER, ASSISTANT]), r"it is a chat written as text"),
]


@pytest.mark.parametrize(("cell", "message"), BAD)
def test_rows_that_are_no_chat(tmp_path: Path, cell: Any, message: str) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"messages": cell}))
    with pytest.raises(ValueError, match=rf"a.jsonl:1: 'messages' \(problems.test.{message}|.*{message}"):
        read(tmp_path, "a.jsonl", MESSAGES)


def test_a_chat_that_pandas_wrote_into_csv(tmp_path: Path) -> None:
    pd.DataFrame({"messages": [[USER, ASSISTANT]]}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(ValueError, match=r"a.csv:2: 'messages' .* is a chat written as text"):
        read(tmp_path, "a.csv", MESSAGES)
