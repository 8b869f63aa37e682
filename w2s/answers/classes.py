"""The class a completion's answer belongs to, under a recipe's family and equality. Filter, vote, pairs and scoring all compare these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2s.answers import paper
from w2s.answers.forms.canonical import canonical
from w2s.answers.grading import Grade, grade
from w2s.answers.reading import read
from w2s.answers.types import Answer, Unreadable

if TYPE_CHECKING:  # at run time neither pydantic nor pyarrow: `import w2s.answers` takes milliseconds
    from w2s.recipe import Answers
    from w2s.records import Completion, Reference


def answer_class(completion: Completion, kind: str, answers: Answers) -> str | Unreadable:
    """The class of a completion's answer: two completions of one problem agree where their classes are the same string.

    `kind` is `Problem.kind`. `answers.equality`: `canonical` gives the canonical form, or Unreadable; `paper` gives the paper's normalised
    string, '' where there is no answer (it is a class like any other and votes), and Unreadable only for a completion that failed.
    OlympicArena's answers are compared by kind in both, in place of that benchmark's own judge.
    """
    if answers.equality == "paper" and completion.finish_reason != "error":
        raw = paper.extract(completion.text, answers.family)
        return canonical(raw, kind) if answers.family == "olympicarena" else paper.normalise(raw)
    found = read(completion.text, answers.family, completion.finish_reason, kind)
    if isinstance(found, Unreadable):
        return found
    return canonical(found.text, kind) or Unreadable("empty")  # `#### $` has text, but nothing in it


def grade_completion(completion: Completion, reference: Reference, kind: str, answers: Answers) -> Grade:
    """The verdict on a completion against its problem's gold, with Math-Verify's opinion; see `grade`.

    In paper mode equality of normalised strings, never undecided, and no second opinion.

    Raises ValueError where the two belong to different problems or the gold answer is empty.
    """
    if completion.problem_id != reference.problem_id:
        raise ValueError(
            f"the completion is of problem {completion.problem_id!r}, the reference of {reference.problem_id!r}: join by problem_id"
        )
    if answers.equality == "paper":
        return grade_class(answer_class(completion, kind, answers), reference, kind, answers)
    return grade(
        read(completion.text, answers.family, completion.finish_reason, kind), reference.answer, kind, ask="always"
    )


def grade_class(found: str | Unreadable, reference: Reference, kind: str, answers: Answers) -> Grade:
    """The verdict on an answer class, without a second opinion: Math-Verify reads LaTeX, which a class no longer is."""
    if isinstance(found, str) and (not found or (answers.equality == "paper" and answers.family != "olympicarena")):
        right = bool(found) and found == paper.normalise(reference.answer)
        return Grade("right" if right else "wrong", "" if right else "differs" if found else "unreadable:empty", found)
    return grade(Answer(found) if isinstance(found, str) else found, reference.answer, kind, ask="never")
