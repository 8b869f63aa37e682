"""What a FineTune step learns from: which completions are left out, and an order that no input order changes."""

from typing import Any

from w2s.method.examples import examples_from_completions, examples_from_references, in_order
from w2s.recipe import Answers
from w2s.records import Completion, Problem, Reference, SFTExample

PROBLEMS = [Problem("b", "question b"), Problem("a", "question a")]


def completion(problem_id: str, text: str, finish_reason: Any = "stop", sample: int = 0) -> Completion:
    return Completion(problem_id, sample, "m", text, finish_reason, 1, 1, 0)


def test_whole_completions_are_examples_as_generated() -> None:
    whole = [completion("b", " b \n"), completion("a", "wrong or right")]
    left_out = [
        completion("a", "cut", "length", sample=1),
        completion("a", "", "error", sample=2),
        completion("b", " \n", sample=1),
    ]
    examples, counts = examples_from_completions(PROBLEMS, [left_out[0], *whole, *left_out[1:]], Answers())
    assert examples == [
        SFTExample("a", "question a", "wrong or right", "weak"),
        SFTExample("b", "question b", " b", "weak"),
    ]
    assert counts == {"truncated": 1, "error": 1, "empty": 1}


def test_references_are_examples() -> None:
    gold = [Reference("b", "2", "so 2\n#### 2"), Reference("a", "1", "so 1\n#### 1")]
    assert examples_from_references(PROBLEMS, gold) == [
        SFTExample("a", "question a", "so 1\n#### 1", "reference"),
        SFTExample("b", "question b", "so 2\n#### 2", "reference"),
    ]


def test_order_is_by_problem_then_source() -> None:
    expected = [SFTExample(problem_id, "q", "c", source) for problem_id in "ab" for source in ("icl", "weak")]
    assert in_order(reversed(expected)) == expected
