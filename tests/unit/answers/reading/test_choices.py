"""Single and multiple choice, true or false."""

import pytest

from tests.unit.answers.reading.readings import reading

READ = [
    # family, kind, text, answer or reason
    ("olympicarena", "SC", "The correct answer is therefore:\n\nThe final answer is $\\boxed{B}$", "B"),
    ("olympicarena", "SC", "The correct option is D.", "D"),
    (
        "olympicarena",
        "SC",
        "Therefore, the correct answer is option D: the energy decreases.",
        "option D: the energy decreases",
    ),
    ("olympicarena", "SC", "The answer is (C).", "(C)"),
    ("olympicarena", "SC", "The answer is C) 5 m", "C) 5 m"),
    ("olympicarena", "SC", "The answer is B, because it is heavier.", "B"),
    ("olympicarena", "SC", "Option B is the correct answer.", "B"),
    ("olympicarena", "SC", "So the correct choice is (A).", "(A)"),
    ("olympicarena", "SC", "The options are:\nA: x\nB: y\n\nThe final answer is $\\boxed{A}$.", "A"),
    ("olympicarena", "SC", "**Answer: D**", "D"),
    ("olympicarena", "SC", "**Final answer: (D)**", "(D)"),
    ("olympicarena", "SC", "Answer: A. The force doubles.", "A"),
    ("olympicarena", "SC", "The final answer is $\\boxed{\\mathrm{E}}$", "\\mathrm{E}"),
    ("olympicarena", "SC", "The answer is 90 s. The final answer is $\\boxed{\\text{D}}$.", "\\text{D}"),
    ("olympicarena", "SC", "The answer is A. The answer is B.", "contradicting"),
    ("olympicarena", "SC", "The correct answer is not A. The correct answer is B.", "B"),
    ("olympicarena", "SC", "B", "no_marker"),
    ("olympicarena", "MC", "The correct options are A and C.", "A and C"),
    ("olympicarena", "MC", "The final answer is $\\boxed{A, C}$.", "A, C"),
    ("olympicarena", "MC", "The final answer is $\\boxed{A}$ and $\\boxed{C}$.", "A, C"),
    ("olympicarena", "MC", "The final answer is [A, C].", "[A, C]"),
    ("olympicarena", "MC", "Answer: A, B and D", "A, B and D"),
    ("olympicarena", "TF", "The final answer is $\\boxed{\\text{True}}$.", "\\text{True}"),
    ("olympicarena", "TF", "The final answer is False.", "False"),
    ("olympicarena", "TF", "Therefore, the statement is true.", "no_marker"),
    ("olympicarena", "TF", "The answer is True, since S(N) jumps.", "True"),
]


@pytest.mark.parametrize(("family", "kind", "text", "expected"), READ)
def test_reading(family, kind, text, expected):
    assert reading(text, family, kind) == expected
