"""The problems step's refusals, each with its message."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.data.problem_files import Rows, read_problems, recipe, rows
from w2s.data.gold import check_gold
from w2s.experiments.catalog import load
from w2s.experiments.overrides import set_fields


def changed(**fields: Any) -> Callable[[Rows], Rows]:
    """The third row changed."""
    return lambda data: [*data[:2], data[2] | fields, *data[3:]]


AT_3 = r"train_2.jsonl:3: "
BAD_ROWS: list[tuple[str, Callable[[Rows], Rows], dict[str, Any], str]] = [
    (
        "empty question",
        changed(q=" "),
        {},
        AT_3 + r"'q' \(problems.train_2.question\) is ' '; it must not be empty.*problems.train_2.where",
    ),
    ("question null", changed(q=None), {}, AT_3 + r"'q' .* is None; a question must be text"),
    ("question a number", changed(q=5), {}, AT_3 + r"'q' .* is 5; a question must be text"),
    ("question gone", lambda data: [*data[:2], {"s": "#### 1"}], {}, AT_3 + r"'q' .* is None; a question must be text"),
    ("surrogate", changed(q="a\ud800b"), {}, AT_3 + r"'q' .* is 'a\\ud800b'; character 2 is half of a surrogate pair"),
    ("surrogate in gold", changed(s="\udfff\n#### 1"), {}, AT_3 + r"'s' .*character 1 is half of a surrogate pair"),
    ("no gold", changed(s=""), {}, AT_3 + r"'s' \(problems.train_2.solution\) is ''; it must not be empty"),
    ("no final answer", changed(s="hm"), {}, AT_3 + r"'s' .* is 'hm'; no final answer.*problems.train_2.answer"),
    ("gold an object", changed(s={"x": 1}), {}, AT_3 + r"'s' .* is \{'x': 1\}; it must be text or a number"),
    ("id null", changed(i=None), {"id": "i"}, AT_3 + r"'i' \(problems.train_2.id\) is None; it must not be empty"),
    (
        "id twice",
        changed(i="train_20"),
        {"id": "i"},
        AT_3 + r"'i' .* is 'train_20', as at .*:1; ids must be unique.*problems.train_2.id=null",
    ),
    (
        "no column",
        lambda data: [{"question": "x"}],
        {},
        r"train_2.jsonl:1: no column 'q'; it has question: set problems.train_2.question$",
    ),
    ("no row", lambda data: [], {}, r"problems.train_2 is empty, nothing of .*train_2.jsonl is left \(train_2_rows 0"),
    ("no row left", lambda data: data, {"where": (("i", ("EN",)),)}, r"problems.\w+ is empty.*left_out_by_where 5"),
    (
        "range too long",
        lambda data: data,
        {"rows": (0, 6)},
        r"problems.\w+.rows=\[0, 6\] is out of range: .*jsonl has 5 rows; set a range",
    ),
    ("range empty", lambda data: data, {"rows": (2, 2)}, r"problems.\w+.rows=\[2, 2\] is out of range: .* has 5 rows"),
    ("range negative", lambda data: data, {"rows": (-2, 2)}, r"problems.\w+.rows=\[-2, 2\] is out of range"),
    (
        "where without column",
        lambda data: data,
        {"where": (("lang", ("EN",)),)},
        r"no column 'lang'; it has q, s, i: set problems.\w+.where",
    ),
]


@pytest.mark.parametrize(("change", "source", "message"), [pytest.param(*rest, id=name) for name, *rest in BAD_ROWS])
def test_bad_rows(tmp_path: Path, change: Callable[[Rows], Rows], source: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"(?s){message}"):
        read_problems(recipe(tmp_path, train_2=change(rows("train_2")), source=source))


def test_repeats_and_overlap_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"problems.train_2 contains 1 repeated questions \(.*:6 = .*:1\).*problems.repeats=remove"
    ):
        read_problems(recipe(tmp_path, train_2=[*rows("train_2"), rows("train_2")[0]]))
    with pytest.raises(
        ValueError,
        match=r"2 questions of problems.train_2 are also in train_1 or test \(train_2-0 = train_1-0 of train_1, .*keep",
    ):
        read_problems(recipe(tmp_path, train_2=rows("train_1")[:2], overlap="error"))
    with pytest.raises(
        ValueError,
        match=r"5 questions of problems.train_1 are also in test .*problems.overlap=remove leaves them out of train_1",
    ):
        read_problems(recipe(tmp_path, train_1=rows("test"), overlap="error"))
    with pytest.raises(ValueError, match=r"problems.train_2 is empty.*train_2_overlap_removed 5"):
        read_problems(recipe(tmp_path, train_2=rows("train_1")))
    with pytest.raises(ValueError, match=r"problems.solution_ending '####' must contain \{answer\} exactly once"):
        read_problems(recipe(tmp_path, solution_ending="####"))


BAD_FILES: list[tuple[str, str, bytes | None, str]] = [
    (
        "malformed line",
        "a.jsonl",
        b'{"q": "x", "s": "#### 1"}\n{"q": \n',
        r"a.jsonl:2 is not JSON in UTF-8 \(.*\): repair or remove it",
    ),
    (
        "line no object",
        "a.jsonl",
        b'{"q": "x", "s": "#### 1"}\n[1]\n',
        r"a.jsonl:2 is a list, not an object with columns; .* is read where its name ends in .json$",
    ),
    ("a name twice", "a.jsonl", b'{"q": "x", "s": "#### 1", "s": "#### 2"}', r"a.jsonl:1 is not .*the name 's' twice"),
    ("a name twice within", "a.json", b'[{"q": {"x": 1, "x": 1}}]', r"a.json, row 1 is not .*the name 'x' twice"),
    ("list on a line", "a.jsonl", b'[{"q": "x"}]', r"a.jsonl:1 is a list, .*is read where its name ends in .json$"),
    (
        "list over lines",
        "a.jsonl",
        b'[\n {"q": "x"}\n]',
        r"a.jsonl:1 is not JSON .*is read where its name ends in .json$",
    ),
    (
        "row over lines",
        "a.ndjson",
        b'{\n "q": "x"\n}',
        r"a.ndjson:1 is not JSON .*is read where its name ends in .json$",
    ),
    ("with a BOM", "a.jsonl", b'\xef\xbb\xbf[{\n "q": "x"}]', r"a.jsonl:1 is not JSON .*remove it$"),
    ("not UTF-8", "a.jsonl", b'{"q": "\xff"}\n', r"a.jsonl:1 is not JSON in UTF-8"),
    ("too deep", "a.jsonl", b"[" * 200_000, r"a.jsonl:1 is not JSON in UTF-8 .*recursion"),
    ("malformed document", "a.json", b'[{"q": 1', r"a.json, row 1 is not JSON in UTF-8 .*line 1"),
    (
        "rows by id",
        "a.json",
        b'{"id1": {"q": "x", "s": "#### 1"}, "id2": {"q": "y", "s": "#### 2"}}',
        r"a.json:1: no column 'q'; it has id1, id2: set .*, or write the rows as a list, if its objects are rows$",
    ),
    ("list of numbers", "a.json", b"[1, 2]", r"a.json, row 1 is '1', not an object with columns"),
    (
        "cut gzip",
        "a.jsonl.gz",
        gzip.compress(b'{"q": "x", "s": "#### 1"}\n' * 999)[:-9],
        r"a.jsonl.gz.*cannot be read.*write the file again",
    ),
    ("no gzip", "a.jsonl.gz", b"plain", r"a.jsonl.gz: what follows cannot be read"),
    ("no parquet", "a.parquet", b"plain", r"a.parquet: what follows cannot be read"),
    (
        "other format",
        "a.xlsx",
        b"q,s",
        r"problems.train_1.name='.*a.xlsx': .*a.xlsx ends in none of .jsonl, .*, .csv.*\.gz.*convert it",
    ),
    ("commas", "a.tsv", b"q,s\nx,#### 1\n", r"a.tsv:1: its cells are separated by ',', and '\\t' is expected: write"),
    ("tabs", "a.csv.gz", gzip.compress(b"q\ts\nx\t1\n"), r"a.csv.gz:1: its cells are separated by '\\t'"),
    (
        "missing",
        "b.jsonl",
        None,
        r"problems.train_1.name='.*b.jsonl': there is no such file: give a file, folder or glob",
    ),
    ("no match", "b*.jsonl", None, r"problems.train_1.name='.*b\*.jsonl': there is no such file"),
]


@pytest.mark.parametrize(("name", "data", "message"), [pytest.param(*rest, id=name) for name, *rest in BAD_FILES])
def test_bad_files(tmp_path: Path, name: str, data: bytes | None, message: str) -> None:
    made = recipe(tmp_path)
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        read_problems(
            made.model_copy(update={"train_1": made.train_1.model_copy(update={"name": str(tmp_path / name)})})
        )


@pytest.mark.parametrize("name", ["nowhere://x/a.jsonl", "memory://not-there/a.jsonl"])
def test_bad_urls(tmp_path: Path, name: str) -> None:
    made = recipe(tmp_path)
    with pytest.raises(ValueError, match=f"problems.train_1.name='{name}': "):
        read_problems(made.model_copy(update={"train_1": made.train_1.model_copy(update={"name": name})}))


GOLD = [
    (
        ["problems.train_1.solution=none"],
        r"problems.train_1 \(.*\) has no gold and the weak model is trained on it: .*weak_sft=null",
    ),
    (["problems.train_2.solution=none"], r"problems.train_2 .* the ceiling is trained on it: .*ceiling=false"),
    (
        ["problems.test.solution=none"],
        r"problems.test .* every model is graded by it: set problems.test.answer or problems.test.solution",
    ),
]


@pytest.mark.parametrize(("changes", "message"), GOLD)
def test_check_gold_refuses(changes: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_gold(set_fields(load("gsm8k-gemma-2b"), changes))


@pytest.mark.parametrize(
    "changes",
    [
        [],
        ['problems={"seed": 1}'],
        ["problems.train_1.solution=none", "weak_sft=none"],
        ["problems.train_2.solution=none", "ceiling=false"],
        ["problems.test.answer=x"],
    ],
)
def test_check_gold_accepts(changes: list[str]) -> None:
    check_gold(set_fields(load("gsm8k-gemma-2b"), changes))
