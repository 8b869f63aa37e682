"""A few problems of each outcome of the filter, the votes and the grading, with the texts that led to it.

Which ones is decided by a hash, so that a report made again shows the same. Gold is not among them: `w2s show
--problem` has it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from w2s.graph.recipes import Agree, Grade, Label, Pair
from w2s.graph.step import Step, Table
from w2s.method.outcomes import AGREEMENT_OUTCOMES, LABEL_OUTCOMES, PAIR_OUTCOMES, meaning_of
from w2s.records import Consensus, PreferencePair, Score, Selection
from w2s.report.document.finished import Source
from w2s.seed import derived_seed

EACH = 3
"""Examples of one outcome."""
CHARACTERS = 1_200
"""Of a text that are shown."""
SAMPLES = 3
"""Samples of a problem that are shown."""

Row = TypeVar("Row", Selection, Consensus, Score)


def examples(steps: Sequence[Step], source: Source) -> list[dict[str, Any]]:
    """[{step, outcome, meaning, model, problem_id, question, notes: [[name, value]], texts: [{name, text, more}]}].

    `outcome` is that of the step's table, or a verdict; `model` is empty but for verdicts. `more` counts the characters
    of a text that are left out.
    """
    found: list[dict[str, Any]] = []
    for step in steps:
        if step.name not in source.finished:
            continue
        if isinstance(step.recipe, Agree | Label):
            found += _selected(step, source)
        elif isinstance(step.recipe, Pair):
            found += _voted(step, source)
        elif isinstance(step.recipe, Grade):
            found += _graded(step, source)
    return found


def pick(rows: Iterable[Row], group_of: Callable[[Row], tuple[str, ...]], each: int = EACH) -> list[Row]:
    """`each` rows of every group, in the order in which the groups first occur."""
    best: dict[tuple[str, ...], list[tuple[int, Row]]] = {}
    for row in rows:
        group = group_of(row)
        ranked = best.setdefault(group, [])
        ranked.append((derived_seed(0, *group, row.problem_id), row))
        if len(ranked) > 100:
            _keep(ranked, each)
    for ranked in best.values():
        _keep(ranked, each)
    return [row for ranked in best.values() for _, row in ranked]


def _keep(ranked: list[tuple[int, Row]], each: int) -> None:
    ranked.sort(key=lambda pair: (pair[0], pair[1].problem_id))
    del ranked[each:]


def _selected(step: Step, source: Source) -> Iterator[dict[str, Any]]:
    """Decisions of stage I."""
    own = "ICL answer" if isinstance(step.recipe, Agree) else "majority"
    meanings = AGREEMENT_OUTCOMES if isinstance(step.recipe, Agree) else LABEL_OUTCOMES
    rows: Iterator[Selection] = source.each(step["selection"])
    picked = pick(rows, lambda row: (row.outcome,))
    read = _Rows(step, source, [row.problem_id for row in picked])
    for row in picked:
        notes = [["weak answer", row.weak_answer or "none"], [own, row.icl_answer or "none"]]
        texts = [
            *read.completions("weak", row.problem_id, "weak completion", 1),
            *read.completions("icl", row.problem_id, "ICL completion", 1),
            *read.completions("samples", row.problem_id, "sample", SAMPLES),
        ]
        yield _example(step, read, row.outcome, row.problem_id, notes, texts, meaning_of(row.outcome, meanings))


def _voted(step: Step, source: Source) -> Iterator[dict[str, Any]]:
    """Votes and pairs of stage II."""
    rows: Iterator[Consensus] = source.each(step["consensus"])
    picked = pick(rows, lambda row: (row.outcome,))
    ids = [row.problem_id for row in picked]
    read = _Rows(step, source, ids)
    pairs: dict[str, list[PreferencePair]] = source.of_problems(step["pairs"], ids)
    for row in picked:
        notes = [
            ["majority", row.answer or "none"],
            ["votes", f"{row.votes} of {row.samples}"],
            ["weak answer", row.weak_answer or "none"],
        ]
        texts = [
            text
            for pair in pairs.get(row.problem_id, [])[:1]
            for text in (_text(f"chosen, {pair.chosen_source}", pair.chosen), _text("rejected", pair.rejected))
        ] or [
            *read.completions("weak", row.problem_id, "weak completion", 1),
            *read.completions("samples", row.problem_id, "sample", SAMPLES),
        ]
        yield _example(step, read, row.outcome, row.problem_id, notes, texts, meaning_of(row.outcome, PAIR_OUTCOMES))


def _graded(step: Step, source: Source) -> Iterator[dict[str, Any]]:
    """Verdicts on test completions, one of each model, verdict and reason."""
    rows: Iterator[Score] = source.each(step["scores"])
    picked = pick(rows, lambda row: (row.model, row.verdict, row.reason.split(":")[0]), each=1)
    read = _Rows(step, source, [row.problem_id for row in picked])
    for row in picked:
        notes = [["answer", row.answer or "none"], *([["why", row.reason]] if row.reason else [])]
        texts = list(read.completions(row.model, row.problem_id, "completion", 1))
        yield _example(step, read, row.verdict, row.problem_id, notes, texts, model=row.model)


class _Rows:
    """Problems and completions of the picked problems, each table read once."""

    def __init__(self, step: Step, source: Source, problem_ids: Sequence[str]) -> None:
        self._step, self._source, self._ids = step, source, sorted(set(problem_ids))
        self._read: dict[str, dict[str, list[Any]]] = {}

    def rows(self, role: str, problem_id: str) -> list[Any]:
        """The rows of a problem in the step's input; none if the step that wrote them is not in the store."""
        if role not in self._read:
            table: Table | None = self._step.input(role)
            is_there = table is not None and table.step.name in self._source.finished
            self._read[role] = self._source.of_problems(table, self._ids) if table is not None and is_there else {}
        return self._read[role].get(problem_id, [])

    def completions(self, role: str, problem_id: str, name: str, most: int) -> Iterator[dict[str, Any]]:
        """The first completions of a problem."""
        for row in sorted(self.rows(role, problem_id), key=lambda row: row.sample)[:most]:
            yield _text(f"{name} {row.sample}" if most > 1 else name, row.text or f"({row.error or 'empty'})")


def _example(
    step: Step,
    read: _Rows,
    outcome: str,
    problem_id: str,
    notes: Sequence[Sequence[str]],
    texts: Sequence[dict[str, Any]],
    meaning: str = "",
    model: str = "",
) -> dict[str, Any]:
    rows = read.rows("problems", problem_id)
    return {
        "step": step.name,
        "outcome": outcome,
        "meaning": meaning,
        "model": model,
        "problem_id": problem_id,
        "question": _text("question", rows[0].question if rows else "")["text"],
        "notes": [list(note) for note in notes],
        "texts": list(texts),
    }


def _text(name: str, text: str) -> dict[str, Any]:
    text = text.rstrip()
    return {"name": name, "text": text[:CHARACTERS], "more": max(0, len(text) - CHARACTERS)}
