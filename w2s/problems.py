"""The `problems` step: rows of datasets or of the generated world become Problem and Reference, in three splits.

Everything that is wrong with the data is a ValueError here, before any model is loaded; everything left out is counted.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

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

from w2s.recipe import DatasetProblems, Experiment, Source, WorldProblems
from w2s.records import Problem, Reference
from w2s.revisions import DATA_SUFFIXES, is_hub_name, source_files
from w2s.seed import derived_seed

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
            told = ", ".join(f"{key} {count:.0f}" for key, count in counts.items() if key.startswith(split))
            raise ValueError(f"problems.{split} is empty, nothing of {getattr(recipe, split).name} is left ({told}): change its fields")
        counts[f"{split}_problems"] = len(items[split])
    return {split: Split([i.problem for i in items[split]], [i.reference for i in items[split] if i.reference]) for split in SPLITS}, counts


def check_gold(experiment: Experiment) -> None:
    """Refuse an experiment that needs gold where its source names no column of it.

    Raises ValueError with the recipe's field to set, or the step to do without.
    """
    if isinstance(experiment.problems, WorldProblems):
        return
    for split, needed, why, otherwise in (
        ("train_1", experiment.weak_sft is not None, "the weak model is trained on it", ", or --set weak_sft=null"),
        ("train_2", experiment.ceiling, "the ceiling is trained on it", ", or --set ceiling=false"),
        ("test", True, "every model is graded by it", ""),
    ):
        source: Source = getattr(experiment.problems, split)
        if needed and source.answer is None and source.solution is None:
            fields = f"problems.{split}.answer or problems.{split}.solution"
            raise ValueError(f"problems.{split} ({source.name}) has no gold and {why}: set {fields} to a column{otherwise}")


def final_answer(solution: str) -> str | None:
    """The answer a gold solution ends with: after the last `####`, else in the last balanced `\\boxed{}`; None without either."""
    if marked := _HASHES.findall(solution):
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


def _world(recipe: WorldProblems) -> tuple[dict[str, Split], dict[str, float]]:
    make: Callable[[int, str, int], list[tuple[str, str, str, str]]] = importlib.import_module("w2s.experiments.world").problems
    splits: dict[str, Split] = {}
    for split in SPLITS:
        made = make(recipe.seed, split, getattr(recipe, split))
        references = [Reference(problem_id, answer, solution) for problem_id, _, answer, solution in made]
        splits[split] = Split([Problem(problem_id, question) for problem_id, question, _, _ in made], references)
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
            there = f"{len(rows)} rows of {source.name}{' that its `where` leaves' if source.where else ''}"
            raise ValueError(f"problems.{split}.rows=[{start}, {stop}] is no range within the {there}: set it to one")
        # Sorted by a hash, not shuffled by a generator, so that the order is no matter of Python's version.
        order = sorted(range(len(rows)), key=lambda index: derived_seed(recipe.seed, index))
        rows = [rows[index] for index in order[start:stop]]
    items = [_item(split, source, recipe, row) for row in rows]
    by_id: dict[str, _Item] = {}
    for item in items:
        if (first := by_id.setdefault(item.problem.problem_id, item)) is not item:
            twice = f"{item.problem.problem_id!r}, as at {first.place}"
            rule = f"ids must be unique: mend them, or --set problems.{split}.id=null to number the rows"
            raise ValueError(f"{item.place}: {source.id!r} (problems.{split}.id) is {twice}; {rule}")
    by_question: dict[str, _Item] = {}
    repeats = [(item, first) for item in items if (first := by_question.setdefault(_same(item), item)) is not item]
    if repeats and recipe.repeats == "error":
        examples = ", ".join(f"{item.place} = {first.place}" for item, first in repeats[:3])
        ways = "--set problems.repeats=remove keeps the first of each, =keep keeps all"
        raise ValueError(f"{len(repeats)} questions of problems.{split} stand in it before ({examples}): {ways}")
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
            ways = f"--set problems.overlap=remove leaves them out of {split}, =keep keeps them"
            raise ValueError(f"{len(shared)} questions of problems.{split} are also in {' or '.join(others)} ({examples}): {ways}")
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
    if source.answer is None and source.solution is None:
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
        parts = [_text(part) for part in value]
        return None if None in parts else ", ".join(str(part) for part in parts)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip() if isinstance(value, str | int | float) else None


def _rows(split: str, source: Source) -> Iterator[_Row]:
    """A source's rows, in its own order."""
    wanted = [(field, column) for field in COLUMN_FIELDS if (column := getattr(source, field)) is not None]
    wanted += [("where", column) for column, _ in source.where]

    def check(place: str, columns: Iterable[str]) -> None:
        there = list(columns)
        for field, column in wanted:
            if column not in there:
                raise ValueError(f"{place}: no column {column!r}; it has {', '.join(there)}: set problems.{split}.{field}")

    if is_hub_name(source.name):
        data = _hub_dataset(split, source)
        check(source.name, data.column_names)
        for number, values in enumerate(data.select_columns(list({column for _, column in wanted}))):  # others may need decoders
            yield _Row(f"{source.name} {source.split}, row {number + 1}", number, values)
        return
    try:
        fs, paths, _ = source_files(source.name)
    except ValueError as error:
        raise ValueError(f"problems.{split}.name={source.name!r}: {error}") from error
    number = 0
    for path in paths:
        place = path
        try:
            for index, (place, values) in enumerate(_parquet(fs, path) if path.endswith(".parquet") else _json(fs, path, source.question)):
                if index == 0:
                    check(place, values)
                yield _Row(place, number, values)
                number += 1
        except (OSError, EOFError, zlib.error, pa.ArrowException) as error:  # a damaged or cut-off file, a lost connection
            raise ValueError(f"{place}: what follows cannot be read ({error}): write the file again") from error


def _hub_dataset(split: str, source: Source) -> Any:
    import datasets

    try:
        return datasets.load_dataset(source.name, source.subset, split=source.split, revision=source.revision)
    except Exception as error:  # unknown, gated, offline, no such subset or split: the library's message says which
        what = f"problems.{split}.name={source.name!r} (subset {source.subset!r}, split {source.split!r}, revision {source.revision!r})"
        ways = f"mend one of these fields, log in with HF_TOKEN if it is gated, or name files ({', '.join(DATA_SUFFIXES)})"
        raise ValueError(f"{what} cannot be loaded ({type(error).__name__}: {error}): {ways}") from error


def _parquet(fs: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    with fs.open(path, "rb") as file:
        batches = pq.ParquetFile(file).iter_batches(4096)
        for number, values in enumerate(itertools.chain.from_iterable(batch.to_pylist() for batch in batches), 1):
            yield f"{path}, row {number}", values


def _json(fs: Any, path: str, question: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Objects of a file of lines, or of one JSON list, alone or as the only list in an object that is no row itself."""
    with fs.open(path, "rb", compression="infer") as file:
        for number, row in enumerate(file if ".jsonl" in path else _document(path, file.read(), question), 1):
            place = f"{path}:{number}" if isinstance(row, bytes) else f"{path}, row {number}"
            if isinstance(row, bytes) and not row.strip():
                continue
            values = _parse(place, row) if isinstance(row, bytes) else row
            if not isinstance(values, dict):
                raise ValueError(f"{place} is {str(values)[:40]!r}, no object with columns: mend or remove it")
            yield place, values


def _document(path: str, data: bytes, question: str) -> Any:
    """Rows of a .json file; its lines, still bytes, where every one begins an object."""
    lines = data.splitlines()
    if len(lines) > 1 and all(line.startswith(b"{") for line in lines if line):
        return lines
    document = _parse(path, data)
    lists = [one for one in document.values() if isinstance(one, list)] if isinstance(document, dict) and question not in document else []
    return lists[0] if len(lists) == 1 else document if isinstance(document, list) else [document]


def _parse(place: str, data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place} is not JSON in UTF-8 ({error}): mend or remove it") from error
