"""Responses that are there already, joined to problems by id or by question, as completions.

Like stored.py it keeps rows in a temporary SQLite database, so that memory does not grow with their number.
"""

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

from w2s.data.cells.row import Cells
from w2s.data.cells.text import cell_text
from w2s.data.duplicates import normal
from w2s.data.rows import is_allowed, read_rows
from w2s.data.stored import Table
from w2s.recipe import Source
from w2s.records import Completion, FinishReason, Problem

_ENDS: dict[str, FinishReason] = {
    **dict.fromkeys(("stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete", "completed"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "model_length", "max_output_tokens"), "length"),
}
"""What APIs call the end of a response; anything else is a failure."""


class Responses(NamedTuple):
    """The responses to one table of problems."""

    completions: Table[Completion]
    """One a problem, in order of problem_id; `error` where a problem has no response, or a failed one."""
    counts: dict[str, float]


def read_responses(
    field: str, source: Source, finish_reason: str | None, problems: Iterable[Problem], must_be_complete: bool
) -> Responses:
    """The responses of `source` to `problems`; `field` is the recipe's field that holds it, for errors.

    The column `finish_reason` says how a response ended; None: all are whole. Responses to other problems are counted.
    Raises ValueError with place, field, rule and way out for a second response to a problem, for cells that are no
    text, if no response is to one of the problems, and with `must_be_complete` if a problem has none.
    """
    database = sqlite3.connect("", isolation_level=None)  # "": a file in TMPDIR that nobody else sees
    database.executescript(_SCHEMA)
    try:
        with_ids = ((problem.problem_id, problem.question, _key(source, problem)) for problem in problems)
        database.executemany("INSERT INTO problem VALUES (?, ?, ?)", with_ids)
        database.execute("CREATE INDEX by_key ON problem (key)")
        counts = _store_responses(database, field, source, finish_reason)
    except sqlite3.OperationalError as error:
        raise ValueError(f"the rows cannot be stored on disk ({error}): set TMPDIR to a folder with space") from error
    counts |= dict(
        zip(("problems", "failed", "truncated", "without_response"), database.execute(_COUNTS).fetchone(), strict=True)
    )
    asked, missing = counts["problems"], counts["without_response"]
    if missing and (must_be_complete or missing == asked):
        problem_id, question = database.execute(_WITHOUT_RESPONSE).fetchone()
        by = "question" if source.id is None else "id"
        raise ValueError(
            f"{missing:.0f} of {asked:.0f} problems have no response in {source.name}, as {problem_id} "
            f"({question[:60]!r}): add it, or set {field}.{by} to the column of the problems' {by}s"
        )
    counts["completions"] = asked - counts["failed"]
    model = f"{source.name}@{source.revision}"

    def completion(problem_id: str, text: str, reason: FinishReason, error: str) -> Completion:
        return Completion(problem_id, 0, model, text, reason, 0, 0, 0, error)

    return Responses(Table(database, _COMPLETIONS, "SELECT count(*) FROM problem", (), completion), counts)


def _store_responses(
    database: sqlite3.Connection, field: str, source: Source, finish_reason: str | None
) -> dict[str, float]:
    """Store the responses to stored problems; returns counts of all rows."""
    counts = {"responses": 0.0, "responses_left_out_by_where": 0.0, "responses_to_other_problems": 0.0}
    fields = ("solution", "question" if source.id is None else "id")
    for row in read_rows(
        field, source, fields, also={} if finish_reason is None else {finish_reason: "weak.finish_reason"}
    ):
        counts["responses"] += 1
        if not is_allowed(field, source, row):
            counts["responses_left_out_by_where"] += 1
            continue
        cells = Cells(field, source, row)
        named = cells.question() if source.id is None else cells.text("id")
        key = _hash(named, is_id=source.id is not None)
        if database.execute("SELECT 1 FROM problem WHERE key = ?", (key,)).fetchone() is None:
            counts["responses_to_other_problems"] += 1
            continue
        end = "stop" if finish_reason is None else cell_text(row.values.get(finish_reason)).lower()
        reason = _ENDS.get(end, "error")
        text = "" if reason == "error" else cells.text("solution", needed=False)
        response = (key, row.place, text, reason, f"ended by {end!r}" if reason == "error" else "")
        try:
            database.execute("INSERT INTO response VALUES (?, ?, ?, ?, ?)", response)
        except sqlite3.IntegrityError:
            first = database.execute("SELECT place FROM response WHERE key = ?", (key,)).fetchone()[0]
            raise ValueError(
                f"{row.place}: a second response to {named[:60]!r}, after {first}: keep one for each problem, "
                f"for example with {field}.where"
            ) from None
    return counts


def _key(source: Source, problem: Problem) -> bytes:
    return _hash(problem.problem_id, is_id=True) if source.id is not None else _hash(problem.question, is_id=False)


def _hash(text: str, is_id: bool) -> bytes:
    return blake2b((text if is_id else normal(text)).encode(), digest_size=16).digest()


_SCHEMA = """
PRAGMA cache_size = -65536;
PRAGMA journal_mode = OFF;
CREATE TABLE problem (problem_id TEXT PRIMARY KEY, question TEXT, key BLOB) WITHOUT ROWID;
CREATE TABLE response (key BLOB PRIMARY KEY, place TEXT, text TEXT, reason TEXT, error TEXT) WITHOUT ROWID;
"""
_COUNTS = """
SELECT count(*), sum(coalesce(reason, 'error') = 'error'), sum(coalesce(reason, '') = 'length'), sum(reason IS NULL)
FROM problem LEFT JOIN response USING (key)
"""
_WITHOUT_RESPONSE = """
SELECT problem_id, question FROM problem LEFT JOIN response USING (key) WHERE reason IS NULL ORDER BY problem_id LIMIT 1
"""
_COMPLETIONS = """
SELECT problem_id, coalesce(text, ''), coalesce(reason, 'error'), coalesce(error, 'no response')
FROM problem LEFT JOIN response USING (key) ORDER BY problem_id
"""
