"""The type that a problem's other answers or its reference show decides what is undecided, and nothing else."""

from itertools import permutations

import pytest

from w2s.answers import Answer, canonical, compare, decide, grade, merge
from w2s.answers.forms.compare.expected import shown_type

# ruff: noqa: RUF001 (an en dash marks a range)
DECIDED = [
    # expected type, answer kind, one, other, verdict without the type, verdict with it
    ("truth", "", "yes", "true", "undecided", "equal"),
    ("truth", "", "incorrect", "no", "undecided", "equal"),
    ("truth", "", "right", "wrong", "different", "different"),
    ("truth", "", "yes", "1", "undecided", "undecided"),
    ("number", "", "(b) 12", "12", "undecided", "equal"),
    ("number", "", "(b) 12", "13", "different", "different"),
    ("number", "NV", "5 apples", "5", "undecided", "equal"),
    ("number", "NV", "5 apples", "6", "undecided", "different"),
    ("number", "NV", "10 cm", "10", "undecided", "undecided"),
    ("number", "", "15–20", "-5", "undecided", "undecided"),
    ("number", "", "5!", "5", "undecided", "undecided"),
    ("number", "", "50%", "0.5", "undecided", "undecided"),
    ("list", "", "1 2 3", "1, 2, 3", "undecided", "equal"),
    ("list", "", "1 2 3", "(1, 2, 3)", "undecided", "equal"),
    ("list", "", "1 2 3", "(3, 2, 1)", "undecided", "different"),
    ("range", "", "15–20", "-5", "undecided", "different"),
    ("moment", "", "3:30", "3.5", "different", "different"),
    ("moment", "", "3:00", "3", "undecided", "different"),
    ("expression", "", "ab", "ba", "undecided", "equal"),
    ("expression", "", "abc", "abd", "different", "different"),
    ("expression", "", "HTT", "TTH", "different", "different"),
    ("expression", "", "ABC", "CBA", "undecided", "undecided"),
]


@pytest.mark.parametrize(("expected", "kind", "one", "other", "without", "with_type"), DECIDED)
def test_a_type_decides_only_what_is_undecided(expected, kind, one, other, without, with_type):
    assert compare(one, other, kind) == compare(other, one, kind) == without
    assert decide(one, other, kind, expected)[0] == decide(other, one, kind, expected)[0] == with_type
    assert without in ("undecided", with_type)


def test_the_type_of_more_than_half_counts_in_any_order():
    answers = ["2*a*b", "3*x*y", "ab", "ba"]
    assert {shown_type(order) for order in permutations(answers)} == {""}  # two of four
    assert {shown_type(order) for order in permutations([*answers, "5*a*b"])} == {"expression"}
    assert shown_type([]) == ""


def test_merge_takes_the_type_of_all_completions_and_counts_each():
    forms = [canonical(answer) for answer in ("yes", "true")]
    assert merge(forms).class_of["yes"] == merge(forms).class_of["true"]  # both are truth values
    ones = [canonical(answer) for answer in ("yes", "true", "1", "1", "1", "1")]
    assert merge(ones).class_of["yes"] != merge(ones).class_of["true"]  # most are numbers
    assert merge(ones[::-1]) == merge(ones)


def test_grading_takes_the_type_of_the_reference():
    assert grade(Answer("yes"), "True", ask="never").verdict == "right"
    assert grade(Answer("5 apples"), "5", "NV", ask="never").verdict == "right"
    assert grade(Answer("10 cm"), "10", "NV", ask="never").verdict == "undecided"
    assert grade(Answer("1 2 3"), "(1, 2, 3)", ask="never").verdict == "right"
