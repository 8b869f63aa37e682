"""The class of a completion's answer under a recipe's family and equality; answers agree if they share a class.

Agreement filter, votes, pairs and scoring all compare classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2s.answers import paper
from w2s.answers.forms.canonical import canonical
from w2s.answers.grading import Grade, grade
from w2s.answers.reading import read
from w2s.answers.types import Answer, Unreadable

if TYPE_CHECKING:  # not at run time, because pydantic and pyarrow would slow down `import w2s.answers`
    from w2s.recipe import Answers
    from w2s.records import Completion, Reference


def answer_class(completion: Completion, kind: str, answers: Answers) -> str | Unreadable:
    """The class of a completion's answer; completions of one problem agree if their classes are the same string.

    `kind` is `Problem.kind`. With `answers.equality="canonical"` the class is the canonical form. With "paper" it is
    the paper's normalised string: '' without an answer, which is a class like any other and votes; Unreadable only for
    a completion that failed. OlympicArena answers always use canonical forms by kind, because that benchmark's own
    judge cannot run here.
    """
    if answers.equality == "paper" and completion.finish_reason != "error":
        raw = paper.extract(completion.text, answers.family)
        return canonical(raw, kind) if answers.family == "olympicarena" else paper.normalise(raw)
    answer = read(completion.text, answers.family, completion.finish_reason, kind)
    if isinstance(answer, Unreadable):
        return answer
    return canonical(answer.text, kind) or Unreadable("empty")  # the form of `#### $` is empty


def grade_completion(completion: Completion, reference: Reference, kind: str, answers: Answers) -> Grade:
    """Grade a completion against the gold answer of its problem, with Math-Verify's opinion; see `grade`.

    With `answers.equality="paper"`, normalised strings are compared: never undecided, no second opinion.

    Raises ValueError if the two belong to different problems or the gold answer is empty.
    """
    if completion.problem_id != reference.problem_id:
        raise ValueError(
            f"the completion is of problem {completion.problem_id!r}, "
            f"the reference of {reference.problem_id!r}: join by problem_id"
        )
    if answers.equality == "paper":
        return grade_class(answer_class(completion, kind, answers), reference, kind, answers)
    answer = read(completion.text, answers.family, completion.finish_reason, kind)
    return grade(answer, reference.answer, kind, ask="always", tolerance=answers.tolerance)


def grade_class(answer: str | Unreadable, reference: Reference, kind: str, answers: Answers) -> Grade:
    """Grade an answer class without a second opinion, because Math-Verify reads LaTeX and a class is not LaTeX."""
    if isinstance(answer, str) and (not answer or (answers.equality == "paper" and answers.family != "olympicarena")):
        right = bool(answer) and answer == paper.normalise(reference.answer)
        reason = "" if right else "differs" if answer else "unreadable:empty"
        return Grade("right" if right else "wrong", reason, answer)
    found = Answer(answer) if isinstance(answer, str) else answer
    return grade(found, reference.answer, kind, ask="never", tolerance=answers.tolerance)
