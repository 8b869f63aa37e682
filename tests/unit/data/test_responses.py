"""Responses that are there already, in place of the weak model: joined, counted, refused; and the graph with them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.data.problem_files import recipe, rows
from w2s.data.gold import check_gold, check_stop_strings
from w2s.data.responses import Responses, read_responses
from w2s.experiments.catalog import load
from w2s.experiments.overrides import set_fields
from w2s.graph.build import build_steps
from w2s.graph.recipes import Respond
from w2s.recipe import Completions, DatasetProblems, Experiment, Source
from w2s.records import Completion, Problem
from w2s.store.revisions import identify
from w2s.store.store import Store

PROBLEMS = [Problem(f"p{n}", f"What is {n} + 1?") for n in range(4)]


def write(path: Path, data: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in data))
    return path


def read(path: Path, data: list[dict[str, Any]], complete: bool = False, **fields: Any) -> Responses:
    write(path, data)
    finish_reason = fields.pop("finish_reason", None)
    source = Source(name=str(path), revision="r", **({"question": "q", "solution": "r"} | fields))
    return read_responses("weak.source", source, finish_reason, PROBLEMS, complete)


def test_by_question_or_by_id(tmp_path: Path) -> None:
    texts = [f"{n} + 1 = {n + 1}\n#### {n + 1}" for n in range(4)]
    data = [{"q": f" what is {n}\u00a0+ 1?", "i": f"p{n}", "r": text} for n, text in reversed(list(enumerate(texts)))]
    data += [{"q": "another?", "i": "p9", "r": "x"}]
    for fields in ({}, {"id": "i", "question": "none"}):
        found = read(tmp_path / "a.jsonl", data, complete=True, **fields)
        assert len(found.completions) == 4
        assert list(found.completions) == [
            Completion(f"p{n}", 0, f"{tmp_path}/a.jsonl@r", text, "stop", 0, 0, 0) for n, text in enumerate(texts)
        ]
        assert {name: count for name, count in found.counts.items() if count} == {
            "responses": 5,
            "responses_to_other_problems": 1,
            "problems": 4,
            "completions": 4,
        }


def test_integer_ids_and_chats(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "What is 1 + 1?"}, {"role": "assistant", "content": "#### 2"}]
    found = read(tmp_path / "a.jsonl", [{"m": turns}], question="m", solution="m")
    assert [one.text for one in found.completions] == ["", "#### 2", "", ""]
    ids = [Problem("1", "q1"), Problem("2", "q2")]
    source = Source(name=str(write(tmp_path / "b.jsonl", [{"i": 2, "r": "two"}])), id="i", solution="r")
    assert [one.text for one in read_responses("weak.source", source, None, ids, False).completions] == ["", "two"]


def test_ends_and_missing_ones(tmp_path: Path) -> None:
    ends = ["stop", "max_tokens", "content_filter"]
    data = [{"q": PROBLEMS[n].question, "r": "text", "e": end} for n, end in enumerate(ends)]
    found = read(tmp_path / "a.jsonl", data, finish_reason="e")
    assert [(one.text, one.finish_reason, one.error) for one in found.completions] == [
        ("text", "stop", ""),
        ("text", "length", ""),
        ("", "error", "ended by 'content_filter'"),
        ("", "error", "no response"),
    ]
    counts = {"problems": 4, "completions": 2, "truncated": 1, "failed": 2, "without_response": 1, "responses": 3}
    assert counts.items() <= found.counts.items()


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("STOP", "stop"),
        ("eos_token", "stop"),
        ("COMPLETE", "stop"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("tool_calls", "error"),
        (None, "error"),
    ],
)
def test_ends_as_apis_write_them(tmp_path: Path, end: str | None, reason: str) -> None:
    data = [{"q": PROBLEMS[0].question, "r": "text", "e": end}]
    found = read(tmp_path / "a.jsonl", data, finish_reason="e")
    assert next(iter(found.completions)).finish_reason == reason


def test_where(tmp_path: Path) -> None:
    data = [{"q": PROBLEMS[0].question, "r": model, "m": model} for model in ("a", "b")]
    found = read(tmp_path / "a.jsonl", data, where=(("m", ("b",)),))
    assert next(one.text for one in found.completions) == "b"
    assert found.counts["responses_left_out_by_where"] == 1


BAD: list[tuple[list[dict[str, Any]], dict[str, Any], str]] = [
    (
        [{"q": PROBLEMS[0].question, "r": "a"}, {"q": PROBLEMS[0].question, "r": "b"}],
        {},
        r"a.jsonl:2: a second response to 'What is 0 \+ 1\?', after .*a.jsonl:1: keep one .* with weak.source.where",
    ),
    (
        [{"q": "other", "r": "a"}],
        {},
        r"4 of 4 problems have no response in .*a.jsonl, as p0 \('What is 0 \+ 1\?'\): add it, or set weak.source.q",
    ),
    ([{"q": "other", "i": "x", "r": "a"}], {"id": "i"}, r"4 of 4 problems have no .*set weak.source.id to the column"),
    ([{"q": "x"}], {}, r"a.jsonl:1: no column 'r'; it has q: set weak.source.solution"),
    ([{"q": "x", "r": "a"}], {"finish_reason": "e"}, r"no column 'e'; it has q, r: set weak.finish_reason"),
    (
        [{"q": PROBLEMS[0].question, "r": ["a"]}],
        {},
        r"a.jsonl:1: 'r' \(weak.source.solution\) is \['a'\]; it must be text",
    ),
    ([{"q": 5, "r": "a"}], {}, r"a.jsonl:1: 'q' \(weak.source.question\) is 5; a question must be text"),
    ([{"q": PROBLEMS[0].question, "r": "a"}], {"complete": True}, r"3 of 4 problems have no response .*as p1 \("),
]


@pytest.mark.parametrize(("data", "fields", "message"), BAD)
def test_refused(tmp_path: Path, data: list[dict[str, Any]], fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "a.jsonl", data, **fields)


def experiment(tmp_path: Path, test: bool) -> Experiment:
    problems = recipe(tmp_path)
    for split in ("train_2", "test"):
        write(tmp_path / f"{split}_responses.jsonl", rows(split))
    responses = {
        name: Source(name=str(tmp_path / f"{split}_responses.jsonl"), question="q", solution="s")
        for name, split in (("source", "train_2"), ("test", "test"))
    }
    weak = Completions(source=responses["source"], test=responses["test"] if test else None)
    base = load("gsm8k-gemma-2b")
    return Experiment.model_validate({**dict(base), "problems": problems, "weak": weak, "weak_sft": None})


@pytest.mark.parametrize("test", [True, False])
def test_the_graph(tmp_path: Path, test: bool) -> None:
    made = experiment(tmp_path, test)
    assert Experiment.model_validate_json(made.model_dump_json()) == made
    check_gold(made)
    check_stop_strings(made, "train_1", [])
    steps = {step.name: step for step in build_steps(made)}
    assert "weak_sft" not in steps and ("test_weak_floor" in steps) is test
    assert (
        isinstance(steps["weak_completions"].recipe, Respond) and not steps["weak_completions"].recipe.must_be_complete
    )
    assert [role for role, _ in steps["weak_completions"].inputs] == ["problems"]
    identified = identify(made, Store.at(str(tmp_path / "store")), network=False)
    assert isinstance(identified.weak, Completions)
    assert str(identified.weak.source.revision).startswith("sha256:")
    (tmp_path / "train_2_responses.jsonl").write_text('{"q": "x", "s": "y"}\n')
    edited = identify(made, Store.at(str(tmp_path / "store")), network=False)
    assert isinstance(edited.problems, DatasetProblems) and edited.problems == identified.problems
    directories = [{s.name: s.directory for s in build_steps(one)}["weak_completions"] for one in (identified, edited)]
    assert directories[0] != directories[1]


SETS = [
    (["weak_sft={}"], r"weak_sft must be none where weak holds responses: there is no weak model to train"),
    (["weak.source.solution=none"], r"source.solution must be the column of the responses"),
    (["weak.source.answer=a"], r"source.answer is not read from responses: set it to None"),
]


@pytest.mark.parametrize(("changes", "message"), SETS)
def test_fields(tmp_path: Path, changes: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        set_fields(experiment(tmp_path, True), changes)
    source = {"name": "responses.jsonl", "solution": "r"}
    changed = set_fields(load("quickstart"), ["weak_sft=none", f"weak={json.dumps({'source': source})}"])
    assert changed.weak == Completions(source=Source(**source))
