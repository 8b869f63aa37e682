"""Readers: every format and compression gives the same rows, columns are found, and what cannot be read has a place."""

import bz2
import csv
import gzip
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2s.data.readers import document, read
from w2s.data.readers.files import file_rows
from w2s.data.readers.formats import format_of
from w2s.data.rows import Row, read_rows
from w2s.recipe import Source

DATA: list[dict[str, Any]] = [
    {"question": 'a "quoted", one', "answer": "1"},
    {"question": "two\nlines\ttab", "answer": "é½"},
    {"question": "the\u2028end", "answer": "3"},
]


def separated(delimiter: str) -> Callable[[list[dict[str, Any]]], bytes]:
    def write(rows: list[dict[str, Any]]) -> bytes:
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, rows[0].keys(), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
        return buffer.getvalue().encode()

    return write


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer, row_group_size=2)
    return buffer.getvalue()


def arrow(new: Callable[..., Any]) -> Callable[[list[dict[str, Any]]], bytes]:
    def write(rows: list[dict[str, Any]]) -> bytes:
        table, buffer = pa.Table.from_pylist(rows), io.BytesIO()
        with new(buffer, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
        return buffer.getvalue()

    return write


def zstd(data: bytes) -> bytes:
    codec = pa.Codec("zstd")
    return codec.compress(data[:50], asbytes=True) + codec.compress(data[50:], asbytes=True)  # two frames


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": lambda data: gzip.compress(data[:40]) + gzip.compress(data[40:]),  # two members, as `cat a.gz b.gz` writes
    ".bz2": lambda data: bz2.compress(data[:40]) + bz2.compress(data[40:]),
    ".zst": zstd,
    ".GZ": gzip.compress,
}
TEXT: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    ".jsonl": lines,
    ".ndjson": lines,
    ".JSONL": lambda rows: b"\xef\xbb\xbf" + lines(rows).replace(b"\n", b"\r\n\r\n"),
    ".csv": separated(","),
    ".TSV": separated("\t"),
    ".json": lambda rows: json.dumps(rows).encode(),
    ".Json": lambda rows: json.dumps({"version": 1, "tags": ["x"], "data": rows}, indent=20).encode(),
    ".x.json": lambda rows: json.dumps({"test": [{"a": 1}], "train": rows, "validation": []}).encode(),
    ".y.json": lines,
    ".z.json": lambda rows: b"\xef\xbb\xbf" + "\n".join(json.dumps(row, indent=2) for row in rows).encode(),
}
BINARY: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    ".parquet": parquet,
    ".PARQUET": parquet,
    ".arrow": arrow(pa.ipc.new_stream),
    ".ARROW": arrow(pa.ipc.new_file),
}
FILES = [(suffix + end, write, compress) for suffix, write in TEXT.items() for end, compress in COMPRESSED.items()]
FILES += [(suffix, write, COMPRESSED[""]) for suffix, write in BINARY.items()]


def source(path: Path | str, **fields: Any) -> Source:
    return Source(name=str(path), **({"answer": "answer"} | fields))


def values(rows: Any) -> list[dict[str, Any]]:
    return [row.values for row in rows]


@pytest.mark.parametrize(("suffix", "write", "compress"), FILES, ids=[file[0] for file in FILES])
def test_every_file_gives_the_same_rows(tmp_path: Path, suffix: str, write: Any, compress: Any) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(compress(write(DATA)))
    found: list[Row] = list(read_rows("problems.train_1", source(path)))
    assert values(found) == DATA
    assert [row.number for row in found] == [0, 1, 2]
    memory = fsspec.filesystem("memory")
    memory.pipe_file(f"/readers/a{suffix}", path.read_bytes())
    assert values(read_rows("problems.train_1", source(f"memory://readers/a{suffix}"))) == DATA


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("a.jsonl", True),
        ("a.CSV.Zst", True),
        ("a.parquet.gz", False),
        ("a.txt", False),
        ("a.jsonl.zip", False),
        ("jsonl", False),
        ("s3://b/x.arrow", True),
    ],
)
def test_formats(name: str, known: bool) -> None:
    assert (format_of(name) is not None) is known


def test_places_are_those_of_an_editor(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('question,answer\n"two\nlines",1\n\nx,2\n')
    (tmp_path / "b.jsonl").write_text('\n{"question": "y", "answer": 3}\n')
    (tmp_path / "c.json").write_text('{"question": "z",\n "answer": 4}\n{"question": "z", "answer": 5}')
    places = [Path(row.place).name for row in read_rows("problems.train_1", source(f"{tmp_path}/*"))]
    assert places == ["a.csv:2", "a.csv:5", "b.jsonl:2", "c.json:1", "c.json:3"]


NESTED = {"question": {"text": "q"}, "a.b": "literal", "a": {"b": "nested", "c": {"d": 1}}, "gone": None}


@pytest.mark.parametrize("end", ["jsonl", "parquet", "arrow"])
@pytest.mark.parametrize(
    ("column", "cell"), [("a.b", "literal"), ("a.c.d", 1), ("gone.x", None), ("a", {"b": "nested", "c": {"d": 1}})]
)
def test_dots_lead_into_cells(tmp_path: Path, end: str, column: str, cell: Any) -> None:
    path = tmp_path / f"a.{end}"
    path.write_bytes({"jsonl": lines, "parquet": parquet, "arrow": arrow(pa.ipc.new_file)}[end]([NESTED]))
    row = next(iter(read_rows("problems.test", source(path, question="question.text", answer=column))))
    assert row.values == {"question.text": "q", column: cell}


@pytest.mark.parametrize("column", ["a.x", "a.b.c", "question.text.x", "x.y"])
def test_dots_that_lead_nowhere(tmp_path: Path, column: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines([NESTED]))
    with pytest.raises(
        ValueError, match=rf"a.jsonl:1: no column '{column}'( .did.*)?; it has question, a.b, a, gone: set prob"
    ):
        list(read_rows("problems.test", source(tmp_path / "a.jsonl", question="question.text", answer=column)))


def test_rows_need_not_have_the_same_optional_columns(tmp_path: Path) -> None:
    rows = [{"question": "a", "answer": "1"}, {"question": "b", "answer": "2", "level": "hard"}]
    (tmp_path / "1.jsonl").write_bytes(lines(rows))
    (tmp_path / "2.csv").write_bytes(separated(",")(rows[:1]))
    (tmp_path / "3.parquet").write_bytes(parquet(rows[1:]))
    found = read_rows("problems.test", source(f"{tmp_path}/*", level="level", solution=None))
    assert [row.values.get("level") for row in found] == [None, "hard", None, "hard"]
    with pytest.raises(ValueError, match=r"2.csv: no column 'level'; it has question, answer: set problems.test.level"):
        list(read_rows("problems.test", source(tmp_path / "2.csv", level="level")))
    with pytest.raises(ValueError, match=r"1.jsonl: no column 'ok'; it has question, answer, level: set .*test.where"):
        list(read_rows("problems.test", source(tmp_path / "1.jsonl", where=(("ok", ("true",)),))))


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    """A JSON number is no float, and an Arrow number has the digits of its own type."""
    (tmp_path / "a.jsonl").write_text('{"question": "q", "answer": 3.14159265358979323846}\n')
    assert values(read_rows("problems.test", source(tmp_path / "a.jsonl")))[0]["answer"] == Decimal(
        "3.14159265358979323846"
    )
    for type_ in (pa.float16(), pa.float32()):
        short = pa.array(np.array([0.1], type_.to_pandas_dtype()))
        table = pa.table(
            {"question": ["q"], "answer": short, "nested": pa.array([{"x": [0.1]}], pa.struct({"x": pa.list_(type_)}))}
        )
        pq.write_table(table, tmp_path / "a.parquet")
        row = next(iter(read_rows("problems.test", source(tmp_path / "a.parquet", level="nested"))))
        assert row.values == {"question": "q", "answer": Decimal("0.1"), "nested": {"x": [Decimal("0.1")]}}


BAD: list[tuple[str, bytes, str]] = [
    ("a.csv", b'question,answer\nx,"y\n', r"a.csv:2 cannot be read \(unexpected end of data\): write it in UTF-8"),
    ("a.csv", b"question,answer\nx,y,z\n", r"a.csv:2 has 3 cells, the header 2: quote cells that hold ','"),
    ("a.tsv", b"question\tanswer\nx\n", r"a.tsv:2 has 1 cells, the header 2: quote cells that hold '\\t'"),
    (
        "a.tsv",
        b'question\tanswer\n"Wait, how?\t5\nAnn?\t6\nSee it?"\t7\n',
        r"a.tsv:2: its cell 'Wait, how\?.* begins with a quotation mark that closes in a later row",
    ),
    (
        "a.tsv",
        b'level\tquestion\tanswer\n1\t"How?\t5\n2\tSee it?"\t7\n',
        r"a.tsv:2: its cell 'How\?.* closes in a later row",
    ),
    ("a.csv", b"question,question\nx,y\n", r"a.csv:1 names the column 'question' twice: rename one"),
    ("a.csv", "question,answer\nx,é".encode("latin-1"), r"a.csv:\d cannot be read .*decode byte"),
    ("a.csv", b"question;answer\nx;1\n", r"a.csv:1: its cells are separated by ';', and ',' is expected"),
    (
        "a.csv.zst",
        zstd(b"question,answer\n" * 99)[:-9],
        r"a.csv.zst.*: what follows cannot be read .*write the file ag",
    ),
    ("a.jsonl.bz2", bz2.compress(b"{}\n" * 999)[:-9], r"a.jsonl.bz2.*: what follows cannot be read"),
    ("a.jsonl.zst", b"plain", r"a.jsonl.zst: what follows cannot be read"),
    ("a.arrow", arrow(pa.ipc.new_file)(DATA)[:-40], r"a.arrow: what follows cannot be read"),
    ("a.arrow", arrow(pa.ipc.new_stream)(DATA)[:-90], r"a.arrow, row 2: what follows cannot be read"),
    ("a.arrow", b"", r"a.arrow: what follows cannot be read"),
    ("a.arrow", b"plain text", r"a.arrow: what follows cannot be read"),
    ("a.parquet", parquet(DATA)[:-40], r"a.parquet: what follows cannot be read"),
    (
        "a.json",
        b'{"test": [{"question": "x"}], "x": 1}',
        r"a.json has no list 'train'; it has test: set .*train_1.split",
    ),
    ("a.json", b'{"a": [{}], "b": [{}]}', r"a.json has no list 'train'; it has a, b"),
    ("a.json", b'[{"question": "x", "answer": 1}, {"question": tru', r"a.json, row 2 is not JSON in UTF-8 \(Expecting"),
    ("a.json", b'[{"question": "x", "answer": 1}', r"a.json, row 1 is not .*\(the end of the file where one of , \]"),
    ("a.json", b'[{"question": "x", "answer": 1}] x', r"a.json is not JSON in UTF-8 \(more after the end of its list"),
    ("a.json", b'{"train": [{"question": "x", "answer": 1}, 5]}', r"a.json, train, row 2 is '5', not an object"),
    ("a.json", b'[{"question": "\xff"}]', r"a.json:1 is not JSON in UTF-8 \('utf-8' codec"),
    ("a.json", b"[" * 100_000, r"a.json, row 1 is not JSON in UTF-8 .*recursion"),
    ("a.json", b'[{"question": "x", "answer": 1e99999999999999999999}]', r"a.json, row 1 is not JSON in UTF-8"),
    ("a.jsonl", b'{"question": "x", "answer": 1e99999999999999999999}', r"a.jsonl:1 is not JSON in UTF-8"),
    ("a.jsonl", b'{"question": "x", "answer": ' + b"9" * 9999 + b"}", r"a.jsonl:1 is not JSON in UTF-8 .*digits"),
]


@pytest.mark.parametrize(("name", "data", "message"), BAD)
def test_what_cannot_be_read_has_a_place(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        list(read_rows("problems.train_1", source(tmp_path / name)))


def test_text_that_is_not_utf_8_in_parquet_has_its_row(tmp_path: Path) -> None:
    data = pa.array([b"fine", b"\xff", b"fine"]).cast(pa.binary()).view(pa.string())
    pq.write_table(pa.table({"question": data, "answer": ["1"] * 3}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"a.parquet, row 2 cannot be read .*utf-8"):
        list(read_rows("problems.train_1", source(tmp_path / "a.parquet")))


def test_a_file_without_line_ends_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("w2s.data.readers.lines", "w2s.data.readers.document", "w2s.data.readers.delimited"):
        monkeypatch.setattr(f"{module}.MAX_ROW", 1000)
    monkeypatch.setattr(document, "CHUNK", 100)
    long = json.dumps({"question": "x" * 2000, "answer": "1"}).encode()
    for name, data, message in (
        ("a.jsonl", long, r"a.jsonl:1 has more than"),
        ("a.json", b"[" + long, r"a.json, row 1 is not JSON in UTF-8 \(more than"),
        ("a.csv", b"question,answer\n" + b"x" * 2000, r"a.csv:2 cannot be read \(field larger than field limit"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=message):
            list(read_rows("problems.train_1", source(tmp_path / name)))


JSON = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.text(max_size=3), max_size=3)
ROWS = st.lists(st.dictionaries(st.text(max_size=5), JSON, min_size=1, max_size=3), min_size=1, max_size=5)


@settings(deadline=None, max_examples=60)
@given(ROWS, st.integers(1, 40), st.booleans())
def test_a_document_in_pieces_is_the_document(rows: list[dict[str, Any]], chunk: int, indented: bool) -> None:
    """Wherever a piece of the file ends: inside a number, an escape, a character of several bytes."""
    memory = fsspec.filesystem("memory")
    text = json.dumps(rows, ensure_ascii=not indented, indent=3 if indented else None)
    memory.pipe_file("/readers/pieces.json", text.encode("utf-8", "surrogatepass"))
    whole = document.CHUNK
    document.CHUNK = chunk
    try:
        if any("\ud800" <= char <= "\udfff" for char in text):
            return
        found = [dict(row.values) for row in file_rows(memory, "/readers/pieces.json", [], source("x"), "")]
    finally:
        document.CHUNK = whole
    assert found == rows


def test_only_the_columns_asked_for_are_read(tmp_path: Path) -> None:
    """Of a file with a column of images, the reader touches the footer and the text alone."""
    rows = [
        {"question": f"q{n}", "answer": {"text": str(n), "image": bytes(200_000)}, "image": np.random.bytes(200_000)}
        for n in range(20)
    ]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=5, compression="none", use_dictionary=False)
    fs = fsspec.filesystem("file")
    touched = 0

    class Counting(io.FileIO):
        def read(self, size: int | None = -1) -> bytes:
            nonlocal touched
            data = super().read(-1 if size is None else size)
            touched += len(data)
            return data

    class Files:
        def open(self, name: str, mode: str) -> io.FileIO:
            return Counting(name, mode)

    found = list(file_rows(Files(), str(path), ["question", "answer.text"], source("x"), ""))
    assert [row.values for row in found] == [{"question": f"q{n}", "answer": {"text": str(n)}} for n in range(20)]
    assert set(found[0].columns) == {"question", "answer", "image"}
    assert touched < 200_000 < fs.size(path)


def test_the_longest_row_is_above_any_sensible_one() -> None:
    assert read.MAX_ROW >= 16 << 20
