"""The `problems` step: rows of datasets or of the generated world become Problem and Reference, in three splits.

Everything that is wrong with the data is a ValueError here, before any model is loaded; everything left out is counted.
"""

import importlib
import itertools
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq

from w2s.hashing import hashed
from w2s.recipe import DatasetProblems, Experiment, Source, WorldProblems
from w2s.records import Problem, Reference
from w2s.revisions import DATA_SUFFIXES, is_hub_name, source_files

Rows = Iterator[tuple[str, dict[str, Any]]]
Check = Callable[[str, Iterable[str]], list[str]]

SPLITS = ("train_1", "train_2", "test")
COLUMN_FIELDS = ("question", "answer", "solution", "id", "kind", "level")

_CALCULATOR_MARK = re.compile(r"<<.*?>>")
_HASHES = re.compile(r"####([^\n]*)")
_BOXED = re.compile(r"\\f?box(?:ed)?\s*\{")


@dataclass(frozen=True)
class Split:
    """One split, in the order it will be used."""

    problems: list[Problem]
    references: list[Reference]
    """One a problem, in the same order; empty where the source has no gold."""


class _Row(NamedTuple):
    place: str
    """`file:line` for lines, `name, row n` else; both count from 1."""
    number: int
    """In the source, over all its files, from 0."""
    values: dict[str, Any]


class _Item(NamedTuple):
    place: str
    problem: Problem
    reference: Reference | None


def read_problems(recipe: DatasetProblems | WorldProblems) -> tuple[dict[str, Split], dict[str, float]]:
    """The three splits by name, and counts of rows read, left out and kept, as `<split>_<what>`.

    Order in a source: `where` filters, the seeded shuffle (only with `rows`), the cut, then repeats, then overlap. Two questions
    are the same where their text is, case and white space aside (paper.md, weak point 4).
    Raises ValueError, naming source, row, field, rule and way out, for whatever cannot be used.
    """
    if isinstance(recipe, WorldProblems):
        return _world(recipe)
    if recipe.solution_ending.count("{answer}") != 1:
        raise ValueError(f"problems.solution_ending {recipe.solution_ending!r} must contain {{answer}} exactly once")
    counts: dict[str, float] = {}
    items = {split: _read_split(split, recipe, counts) for split in SPLITS}
    _settle_overlap(items, recipe, counts)
    for split in SPLITS:
        if not items[split]:
            told = ", ".join(f"{key.removeprefix(split + '_').replace('_', ' ')} {n:.0f}" for key, n in counts.items() if key.startswith(split))
            raise ValueError(f"problems.{split} is empty: nothing of {getattr(recipe, split).name} is left ({told}); change problems.{split}")
        counts[f"{split}_problems"] = len(items[split])
    references = {split: [item.reference for item in items[split] if item.reference] for split in SPLITS}
    return {split: Split([item.problem for item in items[split]], references[split]) for split in SPLITS}, counts


def check_gold(experiment: Experiment) -> None:
    """Refuse an experiment that needs gold where its source names no column of it.

    Raises ValueError with the recipe's field to set, or the step to do without.
    """
    if isinstance(experiment.problems, WorldProblems):
        return
    needs = {
        "train_1": (experiment.weak_sft is not None, "the weak model is trained on it", ", or --set weak_sft=null"),
        "train_2": (experiment.ceiling, "the ceiling is trained on it", ", or --set ceiling=false"),
        "test": (True, "every model is graded by it", ""),
    }
    for split, (needed, why, otherwise) in needs.items():
        source: Source = getattr(experiment.problems, split)
        if needed and not _has_gold(source):
            raise ValueError(
                f"problems.{split} ({source.name}) has no gold and {why}: set problems.{split}.answer or "
                f"problems.{split}.solution to a column{otherwise}"
            )


def final_answer(solution: str) -> str | None:
    """The answer a gold solution ends with: after the last `####`, else in the last balanced `\\boxed{}`; None without either."""
    marked: list[str] = _HASHES.findall(solution)
    if marked:
        return marked[-1].strip() or None
    boxes = list(_BOXED.finditer(solution))
    if not boxes:
        return None
    depth, start = 1, boxes[-1].end()
    for brace in re.finditer(r"\\.|[{}]", solution[start:]):  # an escaped brace is text
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            return solution[start : start + brace.start()].strip() or None
    return None


def _has_gold(source: Source) -> bool:
    return source.answer is not None or source.solution is not None


def _world(recipe: WorldProblems) -> tuple[dict[str, Split], dict[str, float]]:
    make: Callable[[int, str, int], list[tuple[str, str, str, str]]] = importlib.import_module("w2s.experiments.world").problems
    splits: dict[str, Split] = {}
    for split in SPLITS:
        made = make(recipe.seed, split, getattr(recipe, split))
        splits[split] = Split([Problem(id_, question) for id_, question, _, _ in made], [Reference(id_, answer, solution) for id_, _, answer, solution in made])
    return splits, {f"{split}_problems": float(len(splits[split].problems)) for split in SPLITS}


def _read_split(split: str, recipe: DatasetProblems, counts: dict[str, float]) -> list[_Item]:
    """One split's rows, cut and without repeats."""
    source: Source = getattr(recipe, split)
    rows = list(_rows(split, source))
    counts[f"{split}_rows"] = len(rows)
    rows = [row for row in rows if all((_text(row.values.get(column)) or "") in allowed for column, allowed in source.where)]
    counts[f"{split}_left_out_by_where"] = counts[f"{split}_rows"] - len(rows)
    if source.rows is not None:
        start, stop = source.rows
        if not 0 <= start < stop <= len(rows):
            raise ValueError(
                f"problems.{split}.rows=[{start}, {stop}] must be a range within the {len(rows)} rows of {source.name}"
                f"{' that problems.' + split + '.where leaves' if source.where else ''}: set problems.{split}.rows"
            )
        # Sorted by a hash, not shuffled by a generator, so that the order is no matter of Python's version.
        order = sorted(range(len(rows)), key=lambda index: hashed("shuffle", recipe.seed, index))
        rows = [rows[index] for index in order[start:stop]]
    items = [_item(split, source, recipe, row) for row in rows]
    by_id: dict[str, _Item] = {}
    for item in items:
        if (first := by_id.setdefault(item.problem.problem_id, item)) is not item:
            rule = f"ids must be unique: leave out problems.{split}.id to number the rows"
            raise ValueError(f"{item.place}: {source.id!r} (problems.{split}.id) is {item.problem.problem_id!r}, as at {first.place}; {rule}")
    by_question: dict[str, _Item] = {}
    repeats = [(item, first) for item in items if (first := by_question.setdefault(_same(item), item)) is not item]
    if repeats and recipe.repeats == "error":
        examples = ", ".join(f"{item.place} = {first.place}" for item, first in repeats[:3])
        raise ValueError(
            f"{len(repeats)} questions stand more than once in problems.{split} ({examples}): "
            "--set problems.repeats=remove keeps the first of each, =keep keeps all"
        )
    counts[f"{split}_repeats_{'kept' if recipe.repeats == 'keep' else 'removed'}"] = len(repeats)
    return items if recipe.repeats == "keep" else list(by_question.values())


def _settle_overlap(items: dict[str, list[_Item]], recipe: DatasetProblems, counts: dict[str, float]) -> None:
    """Treat questions of a training split that stand in another split, in place; the test split loses none."""
    for split, others in (("train_1", ("test",)), ("train_2", ("train_1", "test"))):
        elsewhere = {_same(item): (other, item) for other in reversed(others) for item in reversed(items[other])}
        shared = [item for item in items[split] if _same(item) in elsewhere]
        if shared and recipe.overlap == "error":
            pairs = [(item, *elsewhere[_same(item)]) for item in shared[:3]]
            examples = ", ".join(f"{item.problem.problem_id} = {twin.problem.problem_id} of {other}" for item, other, twin in pairs)
            raise ValueError(
                f"{len(shared)} questions of problems.{split} are also in {' or '.join(others)} ({examples}): "
                f"--set problems.overlap=remove leaves them out of {split}, =keep keeps them"
            )
        counts[f"{split}_overlap_{'kept' if recipe.overlap == 'keep' else 'removed'}"] = len(shared)
        if recipe.overlap == "remove":
            items[split] = [item for item in items[split] if _same(item) not in elsewhere]


def _same(item: _Item) -> str:
    return " ".join(item.problem.question.casefold().split())


def _item(split: str, source: Source, recipe: DatasetProblems, row: _Row) -> _Item:
    """One row as records."""

    def refuse(field: str, rule: str) -> NoReturn:
        column = getattr(source, field)
        shown = repr(row.values.get(column))
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        raise ValueError(f"{row.place}: {column!r} (problems.{split}.{field}) is {shown}; {rule}")

    def text(field: str, needed: bool = True) -> str:
        column = getattr(source, field)
        value = _text(row.values.get(column)) if column is not None else ""
        if value is None:
            refuse(field, f"it must be text or a number: mend the row, or name another column in problems.{split}.{field}")
        if needed and not value:
            refuse(field, f"it must not be empty: mend the row, or leave it out with problems.{split}.where")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            refuse(field, f"character {error.start + 1} is half of a surrogate pair, which no table can hold: mend the row")
        return value

    problem_id = text("id") if source.id is not None else f"{split}-{row.number}"
    if not isinstance(row.values.get(source.question), str):
        refuse("question", "a question must be text: mend the row, or leave it out with `where`")
    problem = Problem(problem_id, text("question"), text("kind", needed=False), text("level", needed=False))
    if not _has_gold(source):
        return _Item(row.place, problem, None)
    solution = text("solution", needed=source.answer is None)
    if recipe.drop_calculator_marks:
        solution = _CALCULATOR_MARK.sub("", solution)
    answer = text("answer") if source.answer is not None else final_answer(solution)
    if not answer:
        refuse("solution", f"no final answer after `####` or in \\boxed{{}}: name its column in problems.{split}.answer")
    marker = recipe.solution_ending.partition("{answer}")[0].strip()
    if not marker or marker not in solution.rpartition("\n")[2]:
        solution = (solution + recipe.solution_ending.replace("{answer}", answer)).strip()
    return _Item(row.place, problem, Reference(problem_id, answer, solution))


def _text(value: Any) -> str | None:
    """A cell as text without surrounding white space; a list joined by commas (OlympicArena's answers); None for what is no text."""
    if isinstance(value, list):
        parts = [_text(part) for part in value]  # pyright: ignore[reportUnknownVariableType]
        return None if None in parts else ", ".join(str(part) for part in parts)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if value is None or isinstance(value, str | bool | int | float):
        return "" if value is None else str(value).strip()
    return None


def _rows(split: str, source: Source) -> Iterator[_Row]:
    """A source's rows, in its own order."""
    wanted = [(field, column) for field in COLUMN_FIELDS if (column := getattr(source, field)) is not None]
    wanted += [("where", column) for column, _ in source.where]

    def check(place: str, columns: Iterable[str]) -> list[str]:
        there = list(columns)
        for field, column in wanted:
            if column not in there:
                raise ValueError(f"{place}: no column {column!r}; it has {', '.join(there)}: set problems.{split}.{field}")
        return list(dict.fromkeys(column for _, column in wanted))

    if is_hub_name(source.name):
        parts = [_hub_rows(split, source, check)]
    else:
        try:
            fs, paths, _ = source_files(source.name)
        except ValueError as error:
            raise ValueError(f"problems.{split}.name={source.name!r}: {error}") from error
        parts = [(_parquet_rows if path.endswith(".parquet") else _json_rows)(fs, path, source.question, check) for path in paths]
    for number, (place, values) in enumerate(itertools.chain.from_iterable(parts)):
        yield _Row(place, number, values)


def _hub_rows(split: str, source: Source, check: Check) -> Rows:
    import datasets

    try:
        data: Any = datasets.load_dataset(source.name, source.subset, split=source.split, revision=source.revision)  # pyright: ignore[reportUnknownMemberType]
    except Exception as error:  # unknown, gated, offline, no such subset or split: the library's message says which
        raise ValueError(
            f"problems.{split}.name={source.name!r}: the hub's dataset (subset {source.subset!r}, split {source.split!r}, revision "
            f"{source.revision!r}) cannot be loaded ({type(error).__name__}: {error}): set problems.{split}.subset, .split or .revision, "
            f"log in with HF_TOKEN if it is gated, or name files ({', '.join(DATA_SUFFIXES)})"
        ) from error
    data = data.select_columns(check(source.name, data.column_names))  # other columns may need decoders
    for number, values in enumerate(data, 1):
        yield f"{source.name} {source.split}, row {number}", values


def _parquet_rows(fs: Any, path: str, question: str, check: Check) -> Rows:
    number = 0
    try:
        with fs.open(path, "rb") as file:
            table = pq.ParquetFile(file)
            for batch in table.iter_batches(4096, columns=check(path, table.schema_arrow.names)):
                for number, values in enumerate(batch.to_pylist(), number + 1):
                    yield f"{path}, row {number}", values
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read after row {number} ({error}): write the file again") from error


def _json_rows(fs: Any, path: str, question: str, check: Check) -> Rows:
    """Objects of a file of lines, or of one JSON list, alone or as the only list in an object that is no row itself."""
    number = 0
    try:
        with fs.open(path, "rb", compression="infer") as file:
            lines = enumerate(file, 1) if ".jsonl" in path else enumerate(_document(path, file.read(), question), 1)
            for number, line in lines:
                place = f"{path}:{number}" if isinstance(line, bytes) else f"{path}, row {number}"
                if line in (b"", b"\n", b"\r\n"):
                    continue
                values = _parse(place, line) if isinstance(line, bytes) else line
                if not isinstance(values, dict):
                    raise ValueError(f"{place} is {str(values)[:40]!r}, not an object: a row has columns, mend or remove it")
                if number == 1:
                    check(place, values)  # pyright: ignore[reportUnknownArgumentType]
                yield place, values
    except (OSError, EOFError, zlib.error) as error:  # a cut-off archive, a lost connection
        raise ValueError(f"{path} cannot be read after row {number} ({error}): write the file again") from error


def _document(path: str, data: bytes, question: str) -> list[Any]:
    """Rows of a .json file; its lines, still bytes, where every one begins an object."""
    lines = data.splitlines()
    if len(lines) > 1 and all(line.startswith(b"{") for line in lines if line):
        return lines
    document = _parse(path, data)
    if isinstance(document, dict) and question not in document:
        lists: list[Any] = [value for value in document.values() if isinstance(value, list)]  # pyright: ignore
        document = lists[0] if len(lists) == 1 else document  # pyright: ignore
    return document if isinstance(document, list) else [document]  # pyright: ignore


def _parse(place: str, data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{place} is not UTF-8 (byte {error.start + 1}): write the file again in UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place} is not JSON ({error}): mend or remove it") from error
