"""The rows of three splits on disk, in a temporary SQLite database, so that memory does not grow with their number."""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

from w2s.data.cells.problem import Item
from w2s.data.duplicates import normal, numbers, words
from w2s.records import Disagreement, Problem, Reference

Record = TypeVar("Record")


class Table(Collection[Record]):
    """Records that are read from disk whenever they are iterated over."""

    def __init__(
        self, database: sqlite3.Connection, rows: str, count: str, values: Sequence[Any], record: Callable[..., Record]
    ) -> None:
        self._database, self._rows, self._count = database, rows, count
        self._values, self._record = values, record

    def __len__(self) -> int:
        return self._database.execute(self._count, self._values).fetchone()[0]

    def __contains__(self, value: object) -> bool:
        return any(value == record for record in self)

    def __iter__(self) -> Iterator[Record]:
        return (self._record(*row) for row in self._database.execute(self._rows, self._values))


class Repeated(NamedTuple):
    """An item whose question, or id, an item before it has."""

    place: str
    first_place: str
    problem_id: str


class Stored:
    """Items by split. The database is deleted with this object or with its process."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)  # "": a file in TMPDIR that nobody else sees
        self._database.executescript(_SCHEMA)

    def add(self, split: str, items: Iterable[tuple[int, Item]]) -> None:
        """Add a split's items, each with its position in the split."""
        self._database.execute("BEGIN")
        rows = (_row(split, position, item) for position, item in items)
        self._database.executemany("INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._database.execute("COMMIT")

    def _table(self, columns: str, where: str, values: Sequence[Any], record: Callable[..., Record]) -> Table[Record]:
        rows = " ".join(("SELECT", columns, "FROM item WHERE", where, "ORDER BY split, problem_id"))
        count = " ".join(("SELECT count(*) FROM item WHERE", where))
        return Table(self._database, rows, count, values, record)

    def problems(self, split: str) -> Table[Problem]:
        """A split's problems, in order of problem_id."""
        return self._table("problem_id, question, kind, level", "split = ?", (split,), Problem)

    def references(self, split: str) -> Table[Reference]:
        """The references of those that have one, in order of problem_id."""
        where = "split = ? AND answer IS NOT NULL"
        return self._table("problem_id, answer, solution", where, (split,), Reference)

    def disagreements(self) -> Table[Disagreement]:
        """The problems whose solution does not certainly end with their answer, in order of split and problem_id."""
        columns, where = "split, problem_id, answer, solution_answer, verdict", "verdict IN ('wrong', 'undecided')"
        return self._table(columns, where, (), Disagreement)

    def verdicts(self, split: str) -> dict[str, int]:
        """Problems by verdict on the solution's final answer; '' without one, or without an answer beside it."""
        query = "SELECT verdict, count(*) FROM item WHERE split = ? GROUP BY verdict"
        return dict(self._database.execute(query, (split,)).fetchall())

    def examples(self, split: str, verdict: str) -> list[tuple[str, str, str]]:
        """(place, the solution's final answer, the answer) of three problems with a verdict."""
        query = (
            "SELECT place, solution_answer, answer FROM item WHERE split = ? AND verdict = ? ORDER BY position LIMIT 3"
        )
        return self._database.execute(query, (split, verdict)).fetchall()

    def repeated_ids(self, split: str) -> list[Repeated]:
        """An item with the id of another; none if all ids are unique."""
        return [Repeated(*row) for row in self._database.execute(_SAME_ID, (split,)).fetchmany(1)]

    def repeated_questions(self, split: str) -> tuple[int, list[Repeated]]:
        """The number of items whose question, by `normal`, an earlier item of the split has, and the first three."""
        found = self._database.execute(_SAME_QUESTION, (split,))
        first = [Repeated(*row) for row in found.fetchmany(3)]
        return len(first) + sum(1 for _ in found), first

    def remove_repeated_questions(self, split: str) -> None:
        """Keep the first item of each question."""
        self._database.execute(_REMOVE_SAME_QUESTION, (split,))

    def remove(self, split: str, problem_ids: Iterable[str]) -> None:
        """Remove items."""
        self._database.execute("DELETE FROM gone")
        self._database.executemany("INSERT OR IGNORE INTO gone VALUES (?)", ((one,) for one in problem_ids))
        self._database.execute(
            "DELETE FROM item WHERE split = ? AND problem_id IN (SELECT problem_id FROM gone)", (split,)
        )

    def groups(self) -> Iterator[Mapping[str, Table[tuple[str, str]]]]:
        """(problem_id, question) by split of the items whose questions have the same numbers, in two splits or more."""
        self._database.execute("CREATE INDEX IF NOT EXISTS by_numbers ON item (numbers, split)")
        for shared, splits in self._database.execute(_SHARED):
            yield {
                split: self._table("problem_id, question", "numbers = ? AND split = ?", (shared, split), _pair)
                for split in set(splits.split(","))
            }


def _pair(problem_id: str, question: str) -> tuple[str, str]:
    return problem_id, question


def _row(split: str, position: int, item: Item) -> tuple[Any, ...]:
    question, gold = normal(item.problem.question), item.reference
    same = blake2b(question.encode(), digest_size=16).digest()
    signature = blake2b(" ".join(numbers(words(question))).encode(), digest_size=8).digest()
    problem = (item.problem.problem_id, item.problem.question, item.problem.kind, item.problem.level)
    answers = (gold.answer if gold else None, gold.solution if gold else None, item.solution_answer, item.verdict)
    return (split, position, item.place, *problem, *answers, same, int.from_bytes(signature, signed=True))


_SCHEMA = """
PRAGMA cache_size = -65536;
PRAGMA journal_mode = OFF;
CREATE TABLE item (split TEXT, position INTEGER, place TEXT, problem_id TEXT, question TEXT, kind TEXT, level TEXT,
    answer TEXT, solution TEXT, solution_answer TEXT, verdict TEXT, same BLOB, numbers INTEGER);
CREATE TABLE gone (problem_id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_SAME_ID = """
SELECT place, first_place, problem_id FROM (
    SELECT place, problem_id, row_number() OVER same AS nth, first_value(place) OVER same AS first_place
    FROM item WHERE split = ? WINDOW same AS (PARTITION BY problem_id ORDER BY position))
WHERE nth = 2
"""
_SAME_QUESTION = """
SELECT place, first_place, problem_id FROM (
    SELECT place, position, problem_id, row_number() OVER same AS nth, first_value(place) OVER same AS first_place
    FROM item WHERE split = ? WINDOW same AS (PARTITION BY same ORDER BY position))
WHERE nth > 1 ORDER BY position
"""
_REMOVE_SAME_QUESTION = """
DELETE FROM item WHERE rowid IN (
    SELECT id FROM (
        SELECT rowid AS id, row_number() OVER (PARTITION BY same ORDER BY position) AS nth FROM item WHERE split = ?)
    WHERE nth > 1)
"""
_SHARED = "SELECT numbers, group_concat(DISTINCT split) FROM item GROUP BY numbers HAVING min(split) <> max(split)"
