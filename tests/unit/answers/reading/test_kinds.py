"""Answers of the kinds of OlympicArena that are no choices."""

import pytest

from tests.unit.answers.reading.readings import reading

READ = [
    # family, kind, text, answer or reason
    ("olympicarena", "NV", "The final answer is $\\boxed{5}$ m/s.", "5 m/s"),
    ("olympicarena", "NV", "The final answer is $\\boxed{5 \\mathrm{~m/s}}$.", "5 \\mathrm{~m/s}"),
    ("olympicarena", "NV", "The final answer is $\\boxed{3.2}\\times 10^5$.", "3.2\\times 10^5"),
    ("olympicarena", "NV", "The final answer is 5 cm.", "5 cm"),
    ("olympicarena", "NV", "The final answer is $5 \\times 10^{-3}$ mol.", "$5 \\times 10^{-3}$ mol"),
    ("olympicarena", "NV", "The answer to this question is a numerical value.\nThe final answer is $\\boxed{5}$", "5"),
    ("olympicarena", "NV", "\\boxed{8}\n\nThe final answer is $\\boxed{9}$.", "9"),
    ("olympicarena", "NV", "The final answer is $\\boxed{8}$.\n\n\\boxed{9}", "contradicting"),
    ("olympicarena", "MPV", "The final answer is $\\boxed{5}, \\boxed{6}$", "5, 6"),
    ("olympicarena", "EQ", "The final answer is $\\boxed{y = 2x + 1}$", "y = 2x + 1"),
    ("olympicarena", "EX", "The final answer is $\\boxed{x^2}$ where $x>0$.", "x^2"),
    ("olympicarena", "IN", "The final answer is $\\boxed{[2,5)}$.", "[2,5)"),
    ("olympicarena", "TUP", "The final answer is $\\boxed{(1,2)}$", "(1,2)"),
    ("olympicarena", "SET", "The final answer is $\\boxed{\\{1,2\\}}$", "\\{1,2\\}"),
]


@pytest.mark.parametrize(("family", "kind", "text", "expected"), READ)
def test_reading(family, kind, text, expected):
    assert reading(text, family, kind) == expected
