"""Tables of observed behaviour: the answer read from a completion, the kind of a question, the grade of an answer."""

import doctest

import pytest

import w2s.answers
from w2s.answers import Answer, Unreadable, answer_class, canonical, grade, grade_completion, kind_of, read
from w2s.answers.types import REASONS
from w2s.recipe import Answers
from w2s.records import Completion, Reference

READ = [
    # family, finish_reason, text, answer or reason
    ("gsm8k", "stop", "12 + 7 = 19.\n#### 19", "19"),
    ("gsm8k", "stop", "12 + 7 = 19.\n####19", "19"),
    ("gsm8k", "stop", "#### $13.50", "$13.50"),
    ("gsm8k", "stop", "#### 15 apples  \n", "15 apples"),
    ("gsm8k", "stop", "#### 19\n\nQuestion: How many?\nAnswer: 3\n#### 3", "19"),
    ("gsm8k", "stop", "#### 19\n#### 19.0", "19.0"),
    ("gsm8k", "stop", "#### 19\n#### 20", "contradicting"),
    ("gsm8k", "stop", "####", "empty"),
    ("gsm8k", "stop", "####   \n", "empty"),
    ("gsm8k", "stop", "", "empty"),
    ("gsm8k", "stop", " \n\t", "empty"),
    ("gsm8k", "stop", "Question: what?", "empty"),
    ("gsm8k", "stop", "So he has 19 pens.", "no_marker"),
    ("gsm8k", "stop", "The answer is 19 pens.", "19"),
    ("gsm8k", "stop", "The answer is 18. No, the answer is $1,900.", "$1,900"),
    ("gsm8k", "stop", "The answer is unknown", "no_marker"),
    ("gsm8k", "length", "12 + 7 = 19.\n#### 1", "truncated"),
    ("gsm8k", "length", "", "truncated"),
    ("gsm8k", "length", "#### 19\nQuestion: and so on and", "19"),
    ("gsm8k", "error", "#### 19", "error"),
    ("gsm8k", "stop", "#### " + "9" * 1001, "too_long"),
    ("math", "stop", "so $x=\\boxed{24}$. The answer is: 24", "24"),
    ("math", "stop", "The answer is: $\\frac{8}{27}$", "$\\frac{8}{27}$"),
    ("math", "stop", "The answer is: 3. Wait. The answer is: 4", "4"),
    ("math", "stop", "the answer is clear: $\\boxed{7}$.", "7"),
    ("math", "stop", "the answer is 7", "7"),
    ("math", "stop", "first \\boxed{1}, then \\boxed{\\frac{\\sqrt{3}}{2}}", "\\frac{\\sqrt{3}}{2}"),
    ("math", "stop", "\\boxed{\\{1, 2\\}}", "\\{1, 2\\}"),
    ("math", "stop", "\\boxed{x \\} y}", "x \\} y"),
    ("math", "stop", "\\boxed {5}", "5"),
    ("math", "stop", "\\fbox{5}", "5"),
    ("math", "stop", "\\boxed{\\frac{1}{2}", "unbalanced"),
    ("math", "stop", "\\boxed{" + "x" * 2000, "too_long"),
    ("math", "stop", "\\boxed{}", "empty"),
    ("math", "stop", "The answer is: ", "empty"),
    ("math", "stop", "The answer is: \\boxed{5}.", "5"),
    ("math", "stop", "no idea", "no_marker"),
    ("math", "length", "\\boxed{12", "truncated"),
    ("olympicarena", "stop", "The final answer is $\\boxed{\\text{B}}$.", "\\text{B}"),
    ("olympicarena", "stop", "\\boxed{8}\n\nThe final answer is $\\boxed{9}$.", "9"),
    ("olympicarena", "stop", "The final answer is $\\boxed{E}$.\n\nYou are ...\n\nQuestion: \\boxed{ANSWER}", "E"),
    ("olympicarena", "stop", "The final answer is True", "True"),
    ("olympicarena", "stop", "I can't tell", "no_marker"),
    ("plain", "stop", "thinking\nIt costs 5 or 7 dollars", "5 or 7 dollars"),
    ("plain", "stop", "thinking 8\nParis", "Paris"),
    ("plain", "stop", "so \\boxed{5}", "5"),
    ("plain", "stop", "4 steps\n#### 5", "5"),
    ("plain", "stop", "#### ", "empty"),
    ("plain", "length", "It costs 5", "truncated"),
]

GRADES = [
    (Answer("15 apples"), "15", "", "right", ""),
    (Answer("16"), "15", "", "wrong", "differs"),
    (Answer("7x + 11"), "16", "", "wrong", "differs"),
    (Answer("2 hours 30 minutes"), "2.5", "", "undecided", "no_normal_form"),
    (Answer("\\frac{\\sin x}{\\cos x}"), "\\tan x", "", "right", ""),
    (Answer("1/2x"), "\\frac{1}{2x}", "", "right", "math_verify"),
    (Answer("east"), "west", "", "wrong", "differs"),
    (Answer("a, c"), "AC", "MC", "right", ""),
    (Answer("$"), "15", "", "wrong", "unreadable:empty"),
    (Unreadable("truncated"), "15", "", "wrong", "unreadable:truncated"),
]


@pytest.mark.parametrize(("family", "finish_reason", "text", "expected"), READ)
def test_read(family, finish_reason, text, expected):
    found = read(text, family, finish_reason)
    assert found == (Unreadable(expected) if expected in REASONS else Answer(expected))


@pytest.mark.parametrize(("answer", "reference", "kind", "verdict", "reason"), GRADES)
def test_grade(answer, reference, kind, verdict, reason):
    found = grade(answer, reference, kind)
    assert (found.verdict, found.reason) == (verdict, reason)


def test_the_package_docstring_is_true():
    assert doctest.testmod(w2s.answers) == (0, 4)


def test_unknown_kind_and_empty_reference_are_refused():
    with pytest.raises(ValueError, match="unknown answer kind 'XX'"):
        canonical("1", "XX")
    with pytest.raises(ValueError, match="reference answer is empty"):
        grade(Answer("1"), " ")


def completion(text: str, problem_id: str = "p", finish_reason: str = "stop") -> Completion:
    return Completion(problem_id, 0, "m", text, finish_reason, 1, 1, 0)  # type: ignore[arg-type]


def test_the_two_equalities_of_the_recipe():
    canonical_rule, paper_rule = Answers(family="gsm8k"), Answers(family="gsm8k", equality="paper")
    assert answer_class(completion("#### 13.50"), "", canonical_rule) == answer_class(
        completion("#### 13.5"), "", canonical_rule
    )
    assert answer_class(completion("#### 13.50"), "", paper_rule) != answer_class(
        completion("#### 13.5"), "", paper_rule
    )
    assert answer_class(completion("none"), "", canonical_rule) == Unreadable("no_marker")
    assert answer_class(completion("#### $"), "", canonical_rule) == Unreadable("empty")
    assert answer_class(completion("none"), "", paper_rule) == ""
    assert answer_class(completion("#### 1", finish_reason="error"), "", paper_rule) == Unreadable("error")
    assert answer_class(completion("\\boxed{C, A}"), "MC", Answers(family="olympicarena", equality="paper")) == "AC"
    with pytest.raises(ValueError, match=r"answers\.equality='canonical'"):
        answer_class(completion("5"), "", Answers(family="plain", equality="paper"))


def test_grade_completion_honours_the_recipe():
    gold = Reference("p", "13.5", "")
    assert grade_completion(completion("#### 13.50"), gold, "", Answers()).verdict == "right"
    assert grade_completion(completion("#### 13.50"), gold, "", Answers(equality="paper")).verdict == "wrong"
    assert grade_completion(completion("none"), gold, "", Answers(equality="paper")).reason == "unreadable:empty"
    with pytest.raises(ValueError, match="join by problem_id"):
        grade_completion(completion("#### 1", "q"), gold, "", Answers())


KINDS_BY_WORDING = [
    ("SC", "This is a multiple choice question (only one correct answer).\n\nQuestion: Which?"),
    ("MC", "This is a multiple choice question (more than one correct answer).\n\nQuestion: Which?"),
    ("TF", "This is a True or False question."),
    ("NV", "The answer to this question is a numerical value."),
    ("SET", "The answer to this question is a set."),
    ("IN", "The answer to this question is a range interval."),
    ("EX", "The answer to this question is an expression.\n\nQuestion: Which multiple choice questions are there?"),
    ("EQ", "The answer to this question is an equation."),
    ("TUP", "The answer to this question is a tuple."),
    ("MPV", "This question involves multiple quantities to be determined."),
    ("MA", "This question has more than one correct answer, you need to include them all."),
    ("", "Is it true or false that the answer is a set? Choose among several."),
]


@pytest.mark.parametrize(("kind", "question"), KINDS_BY_WORDING)
def test_the_wording_of_a_question_names_its_kind(kind, question):
    assert kind_of(question) == kind
