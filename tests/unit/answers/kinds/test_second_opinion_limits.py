"""Where Math-Verify 0.9.0 is known to call two different answers one, `grade` does not follow it, in either order."""

import pytest

from w2s.answers import Answer, grade

NEVER_RIGHT = [
    # answer, reference, kind
    ("\\frac{1}{2004!}", "\\frac{1}{2006!}", ""),
    ("\\frac{1}{3000^{200}}", "\\frac{1}{3001^{200}}", ""),
    ("10^{-40}", "10^{-41}", ""),
    ("x+z=1", "1", ""),
    ("x+y=2", "2", ""),
    ("|x| = 5", "5", ""),
    ("|x-1| = 3", "3", ""),
    ("3:4", "3/4", ""),
    ("6:8", "0.75", ""),
    ("2_5", "2", ""),
    ("a_2", "a", ""),
    ("50\\%", "0.5", ""),
    ("10 \\text{ cm}", "10 \\text{ m}", ""),
    ("10 cm", "10 m", "NV"),
    ("(1,2)", "[1,2]", ""),
    ("x<3", "3", ""),
    ("x^2=4", "2", ""),
    ("5 < x", "5", ""),
    ("5!", "5", ""),
    ("HTT", "TTH", ""),
]


@pytest.mark.parametrize(("answer", "reference", "kind"), NEVER_RIGHT)
def test_no_second_opinion_makes_two_answers_one(answer: str, reference: str, kind: str) -> None:
    assert grade(Answer(answer), reference, kind, ask="always").verdict != "right"
    assert grade(Answer(reference), answer, kind, ask="always").verdict != "right"


def test_a_tower_of_powers_is_not_asked_about() -> None:
    assert grade(Answer("10^{10^{10^{10}}}"), "10^{10}", "NV", ask="always").second_opinion == ""
