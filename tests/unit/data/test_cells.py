"""Cells as text: each type a cell of JSON, CSV or Arrow can have, and every container."""

import json
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.data.problem_files import read_problems, recipe, rows
from w2s.data.cells.text import cell_text
from w2s.recipe import Source

TEXTS: list[tuple[Any, str]] = [
    (None, ""),
    (float("nan"), ""),
    (Decimal("nan"), ""),
    ("  x\n", "x"),
    ("nan of it", "nan of it"),
    (0, "0"),
    (-7, "-7"),
    (12345678901234567890123, "12345678901234567890123"),
    (3.0, "3"),
    (-0.0, "0"),
    (0.1, "0.1"),
    (1e-7, "0.0000001"),
    (1e22, "10000000000000000000000"),
    (1e300, "1E+300"),
    (Decimal("1.50"), "1.5"),
    (Decimal("100"), "100"),
    (Decimal("0E+9999999"), "0"),
    (Decimal("1E+999999999"), "1E+999999999"),
    (Decimal("3.14159265358979323846264338327950288"), "3.14159265358979323846264338327950288"),
    (True, "true"),
    (False, "false"),
    (date(2024, 5, 1), "2024-05-01"),
    (datetime(2024, 5, 1, 12, tzinfo=UTC), "2024-05-01T12:00:00+00:00"),
    (time(9, 30), "09:30:00"),
    ([], ""),
    (["A", "C"], "A, C"),
    ([1, 2.50, Decimal("0.10")], "1, 2.5, 0.1"),
    (["1,000", "-2,000,000.5", "3"], "1000, -2000000.5, 3"),
    (["(1, 2)", "[3; 4)", "\\{5, 6\\}"], "(1, 2), [3; 4), \\{5, 6\\}"),
    (["x = 1, y = 2"], "x = 1, y = 2"),
]


@pytest.mark.parametrize(("value", "text"), TEXTS, ids=[repr(value)[:40] for value, _ in TEXTS])
def test_text_of_a_cell(value: Any, text: str) -> None:
    assert cell_text(value) == text


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("inf"), "must be finite"),
        (float("-inf"), "must be finite"),
        (Decimal("inf"), "must be finite"),
        ({"a": 1}, "text or a number"),
        (b"5", "text or a number"),
        (timedelta(1), "text or a number"),
        ((1, 2), "text or a number"),
        ([[1], [2]], "must not hold lists"),
        ([1, [2]], "must not hold lists"),
        ([{"a": 1}], "text or a number"),
        ([None, "5"], "missing values"),
        ([float("nan"), "5"], "missing values"),
        (["", "5"], "missing values"),
        ([float("inf")], "must be finite"),
        (["1, 2", "3"], "'1, 2', whose comma"),
        (["a; b", "3"], "'a; b', whose comma"),
    ],
)
def test_what_has_no_text(value: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        cell_text(value)


@given(
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
)
def test_a_number_s_text_is_the_number(number: Any) -> None:
    assert type(number)(cell_text(number)) == number


def gold(path: Path, tmp_path: Path) -> list[str]:
    made = recipe(tmp_path)
    test = Source(name=str(path), question="q", answer="a")
    return [one.answer for one in read_problems(made.model_copy(update={"test": test}))[0]["test"].references]


def test_gold_of_every_type_of_json(tmp_path: Path) -> None:
    cells = ["5", "5.0", "0.1", "1e3", "true", '"x"', '["A", "B"]', "12345678901234567890.5"]
    (tmp_path / "a.jsonl").write_text("".join(f'{{"q": "question {n}", "a": {c}}}\n' for n, c in enumerate(cells)))
    assert gold(tmp_path / "a.jsonl", tmp_path) == [
        "5",
        "5",
        "0.1",
        "1000",
        "true",
        "x",
        "A, B",
        "12345678901234567890.5",
    ]


ARROW: list[tuple[Any, list[Any], str]] = [
    (pa.int8(), [5], "5"),
    (pa.uint64(), [2**64 - 1], "18446744073709551615"),
    (pa.float16(), [0.5], "0.5"),
    (pa.float32(), [0.1], "0.1"),
    (pa.float64(), [0.1], "0.1"),
    (pa.decimal128(10, 3), [Decimal("1.500")], "1.5"),
    (pa.bool_(), [True], "true"),
    (pa.large_string(), ["x"], "x"),
    (pa.string_view(), ["x"], "x"),
    (pa.dictionary(pa.int8(), pa.string()), ["x"], "x"),
    (pa.date32(), [date(2024, 5, 1)], "2024-05-01"),
    (pa.list_(pa.float32()), [[0.1, 2]], "0.1, 2"),
    (pa.large_list(pa.string()), [["A", "B"]], "A, B"),
    (pa.list_(pa.string(), 2), [["A", "B"]], "A, B"),
]


@pytest.mark.parametrize(("type_", "cells", "text"), ARROW, ids=[str(one[0]) for one in ARROW])
def test_gold_of_every_type_of_arrow(tmp_path: Path, type_: Any, cells: list[Any], text: str) -> None:
    values = pa.array(cells, type_ if not pa.types.is_float16(type_) else None)
    pq.write_table(pa.table({"q": ["question"], "a": values.cast(type_)}), tmp_path / "a.parquet")
    assert gold(tmp_path / "a.parquet", tmp_path) == [text]


def test_missing_numbers_of_pandas_are_refused_and_not_the_answer_nan(tmp_path: Path) -> None:
    frame = pd.DataFrame({"q": ["question 0", "question 1", "question 2"], "a": [4, None, 6]})
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    frame.to_csv(tmp_path / "a.csv", index=False)
    pq.write_table(pa.table({"q": frame["q"], "a": pa.array([4.0, float("nan"), 6.0])}), tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_text("".join(json.dumps(row) + "\n" for row in frame.to_dict("records")))
    for name, place in (("a.jsonl", ":2"), ("a.csv", ":3"), ("a.parquet", ", row 2"), ("b.jsonl", ":2")):
        with pytest.raises(ValueError, match=rf"{name}{place}: 'a' \(problems.test.answer\) is .*must not be empty"):
            gold(tmp_path / name, tmp_path)


AS_PANDAS_WRITES: list[tuple[Any, str]] = [
    (float("inf"), "must be finite"),
    (-float("inf"), "must be finite"),
    (["a", "b"], "as Python prints it"),
    (["it's"], "as Python prints it"),
    ({"a": 1}, "as Python prints it"),
    (b"5", "as Python prints it"),
    (np.array(["a", "b"]), "as Python prints it"),
    ("array(['a'])", "as Python prints it"),
    ("Decimal('5')", "as Python prints it"),
    ("np.float64(5.0)", "as Python prints it"),
    ("tensor(5)", "as Python prints it"),
    ("Inf", "must be finite"),
    ("-Infinity", r"must be finite: .*, write \\infty where that is the answer"),
    ("Timestamp('2024-05-01 00:00:00')", "as Python prints it"),
    ("datetime.date(2024, 5, 1)", "as Python prints it"),
    ("[1, 2)", ""),
    ("{1, 2}", ""),
    ("b = 'x'", ""),
]


@pytest.mark.parametrize(("value", "why"), AS_PANDAS_WRITES, ids=[repr(value)[:30] for value, _ in AS_PANDAS_WRITES])
def test_what_pandas_writes_into_csv_is_no_answer(tmp_path: Path, value: Any, why: str) -> None:
    pd.DataFrame({"q": ["question"], "a": pd.Series([value], dtype=object)}).to_csv(tmp_path / "a.csv", index=False)
    if not why:
        assert gold(tmp_path / "a.csv", tmp_path) == [value]
        return
    with pytest.raises(ValueError, match=rf"a.csv:2: 'a' \(problems.test.answer\) is .*{why}"):
        gold(tmp_path / "a.csv", tmp_path)


@pytest.mark.parametrize("how", ["saved", "parquet", "arrow"])
def test_class_labels_are_their_names(tmp_path: Path, how: str) -> None:
    """A file holds 0, 1, ... for them, which as gold would be another answer: MMLU's `answer` is such a column."""
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(q=datasets.Value("string"), a=datasets.ClassLabel(names=["A", "B", "C", "D"]))
    made = datasets.Dataset.from_dict({"q": [f"question {n}" for n in range(3)], "a": [2, 0, 3]}, features=features)
    path = tmp_path / "data.parquet" if how == "parquet" else tmp_path / "data"
    if how == "parquet":
        made.to_parquet(path)
    else:
        made.save_to_disk(path)
    if how == "arrow":
        path = path / "data-00000-of-00001.arrow"
    assert gold(path, tmp_path) == ["C", "A", "D"]


@pytest.mark.parametrize(
    ("fields", "cell", "message"),
    [
        (
            {"solution": None, "answer": "c"},
            float("inf"),
            r"'c' .*answer\) is inf; a number must be finite: repair the",
        ),
        ({"solution": None, "answer": "c"}, [["1"], ["2"]], r"\(problems.train_2.answer\) is .*must not hold lists"),
        ({"solution": None, "answer": "c"}, "NaN", r"is 'NaN'; it is the text of a missing value: repair"),
        *(
            ({"solution": None, "answer": "c"}, text, "it is the text of a missing value: repair")
            for text in ("None", "null", "NULL", "N/A", "n/a", "<NA>", "NA", "NAN", "-nan")
        ),
        *(
            ({"solution": None, "answer": "c"}, text, "it is an error or a formula of a spreadsheet: repair")
            for text in ("#N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", '="5"')
        ),
        ({"solution": None, "answer": "c"}, "\u200b", "it must not be empty"),
        ({"question": "c"}, "\ufeff\u200f \u2028", "it must not be empty"),
        ({"solution": "c"}, ["a", "#### 1"], r"solution\) is \['a', '#### 1'\]; it must be text .*, not a list"),
        ({"id": "c"}, ["a"], r"id\) is \['a'\]; it must be text or a number, not a list"),
        ({"level": "c"}, {"a": 1}, r"level\) is \{'a': 1\}; it must be text or a number"),
        ({"where": (("c", ("x",)),)}, {"a": 1}, r"\(problems.train_2.where\) is \{'a': 1\}; it must be text"),
    ],
)
def test_cells_without_a_text_are_refused_with_their_row(
    tmp_path: Path, fields: dict[str, Any], cell: Any, message: str
) -> None:
    data = [row | {"c": cell if n == 1 else f"#### {n}"} for n, row in enumerate(rows("train_2"))]
    made = recipe(tmp_path, train_2=data)
    train_2 = made.train_2.model_copy(update=fields)
    with pytest.raises(ValueError, match=rf"train_2.jsonl:2: .*{message}"):
        read_problems(made.model_copy(update={"train_2": train_2}))


def test_a_missing_label_is_an_empty_one(tmp_path: Path) -> None:
    data = [row | {"level": cell} for row, cell in zip(rows("train_2", 3), [float("nan"), None, 2.0], strict=True)]
    made = recipe(tmp_path, train_2=data)
    splits, _, _ = read_problems(
        made.model_copy(update={"train_2": made.train_2.model_copy(update={"level": "level"})})
    )
    assert [problem.level for problem in splits["train_2"].problems] == ["", "", "2"]


@pytest.mark.parametrize("text", ["True", "true", "TRUE"])
@pytest.mark.parametrize("allowed", [("true",), (True,), ("True",)])
def test_where_takes_booleans_as_pandas_writes_them(tmp_path: Path, allowed: Any, text: str) -> None:
    (tmp_path / "a.csv").write_text(f"q,a,ok\nfirst,1,{text}\nsecond,2,False\n")
    source = Source.model_validate(
        {"name": f"{tmp_path}/a.csv", "question": "q", "answer": "a", "where": (("ok", allowed),)}
    )
    splits, _, _ = read_problems(recipe(tmp_path).model_copy(update={"test": source}))
    assert [problem.question for problem in splits["test"].problems] == ["first"]


@pytest.mark.parametrize(("allowed", "kept"), [((1.0,), ["0"]), ((2.5, 1), ["0", "1"]), ((None,), ["2"])])
def test_where_takes_numbers_and_missing_values(tmp_path: Path, allowed: Any, kept: list[str]) -> None:
    (tmp_path / "a.jsonl").write_text(
        "".join(f'{{"q": "{n}", "a": 1, "l": {c}}}\n' for n, c in enumerate(["1.0", "2.5", "null"]))
    )
    source = Source.model_validate(
        {"name": f"{tmp_path}/a.jsonl", "question": "q", "answer": "a", "where": (("l", allowed),)}
    )
    splits, _, _ = read_problems(recipe(tmp_path).model_copy(update={"test": source}))
    assert [problem.question for problem in splits["test"].problems] == kept


@pytest.mark.parametrize("allowed", [("true",), (True,)])
def test_where_takes_booleans_as_json_writes_them(tmp_path: Path, allowed: Any) -> None:
    data = [row | {"ok": n % 2 == 1} for n, row in enumerate(rows("train_2"))]
    made = recipe(tmp_path, train_2=data)
    source = Source.model_validate({**dict(made.train_2), "where": (("ok", allowed),)})
    splits, counts, _ = read_problems(made.model_copy(update={"train_2": source}))
    assert [problem.problem_id for problem in splits["train_2"].problems] == ["train_2-1", "train_2-3"]
    assert counts["train_2_left_out_by_where"] == 3


LATEX = [
    (r"\frac{1}{2}", r"\frac"),
    (r"3 \times 4", r"\times"),
    (r"\theta", r"\theta"),
    (r"\text{cm}", r"\text"),
    (r"2\beta", r"\beta"),
    (r"\binom{4}{2}", r"\binom"),
    (r"(1\right)", r"\right"),
    (r"x \neq y", r"\neq"),
    (r"\nabla f", r"\nabla"),
]
PLAIN = [
    "Ann\tBen",
    "a\n\nb\nequal parts",
    "page 1\fPage 2",
    "x\textra",
    "a\r\nrow",
    "\tau",
    "1.\nnu",
    "eq\neq. 6",
    "a\bA",
]


@pytest.mark.parametrize(("text", "command"), LATEX)
def test_latex_whose_backslashes_were_not_doubled_is_refused(tmp_path: Path, text: str, command: str) -> None:
    """JSON reads them as escapes: trishullab/PutnamBench#218, HKUDS/LightRAG#3238."""
    file = tmp_path / "a.jsonl"
    for column, cell in (("a", text), ("a", f"${text}$"), ("q", f"What is {text}?")):
        row = {"q": '"A?"', "a": '"5"'} | {column: f'"{cell}"'}
        file.write_text(f'{{"q": {row["q"]}, "a": {row["a"]}}}\n')
        with pytest.raises(ValueError, match=rf"a.jsonl:1: '{column}' .* backslash of {re.escape(command)} as an"):
            gold(file, tmp_path)
    file.write_text(json.dumps({"q": f"What is {text}?", "a": text}) + "\n")
    assert gold(file, tmp_path) == [text]


@pytest.mark.parametrize("text", PLAIN)
def test_other_white_space_is_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"q": f"What is {text}?", "a": "5"}) + "\n")
    assert gold(tmp_path / "a.jsonl", tmp_path) == ["5"]
