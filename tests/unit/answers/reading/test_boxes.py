"""Boxes: lists of them, those that contradict each other, corrected and quoted ones, and units after them."""

import pytest

from tests.unit.answers.reading.readings import reading

READ = [
    # family, kind, text, answer or reason
    ("math", "", "$\\boxed{3}$ and $\\boxed{5}$", "3, 5"),
    ("math", "", "$\\boxed{3}$, $\\boxed{5}$", "3, 5"),
    ("math", "", "\\boxed{3}, \\boxed{5}, and \\boxed{7}", "3, 5, 7"),
    ("math", "", "\\boxed{3} \\text{ or } \\boxed{-3}", "3, -3"),
    ("math", "", "$x = \\boxed{3}$ or $x = \\boxed{-3}$", "3, -3"),
    ("math", "", "$x = \\boxed{3}$ and $y = \\boxed{4}$.", "x=3, y=4"),
    ("math", "", "$x_1 = \\boxed{3}, x_2 = \\boxed{4}$", "x_1=3, x_2=4"),
    ("math", "", "\\boxed{\\frac{1}{2}} \\quad\\text{and}\\quad \\boxed{\\frac{1}{3}}", "\\frac{1}{2}, \\frac{1}{3}"),
    ("math", "", "\\boxed{3}; \\boxed{5}", "3, 5"),
    ("math", "", "\\boxed{5}\n\\boxed{6}", "contradicting"),
    ("math", "", "Part (a): \\boxed{5}. Part (b): \\boxed{6}.", "contradicting"),
    ("math", "", "\\boxed{5}. Wait, I made an error. \\boxed{6}", "6"),
    ("math", "", "So \\boxed{5}. However, we need the sum, \\boxed{11}.", "11"),
    ("math", "", "$\\boxed{0.5}$, or $\\boxed{\\frac12}$", "\\frac12"),
    ("math", "", "we get \\boxed{5}. So the answer is \\boxed{5}.", "5"),
    ("math", "", "\\boxed{5} \\times \\boxed{3}", "contradicting"),
    ("math", "", "The answers are $\\boxed{2}$ and $\\boxed{3}$.", "2, 3"),
    ("math", "", "The answer is \\boxed{5}. The answer is \\boxed{6}.", "contradicting"),
    ("math", "", "\\boxed{5} is the correct answer, rather than \\boxed{6}", "5"),
    ("math", "", "The answer is not \\boxed{6} but \\boxed{5}", "5"),
    ("math", "", "\\boxed{12} cm", "12 cm"),
    ("math", "", "$\\boxed{12}\\text{ cm}^2$", "12 cm"),
    ("math", "", "\\boxed{45}^\\circ", "45^\\circ"),
    ("math", "", "\\boxed{5\\ \\text{m}}", "5\\ \\text{m}"),
    ("math", "", "\\boxed 5", "5"),
    ("math", "", "\\boxed{ 5 }", "5"),
    ("math", "", "\\boxed{\\text{Answer: } 5}", "\\text{Answer: } 5"),
    ("math", "", "Put it in \\boxed{}. Then \\boxed{7}.", "7"),
    ("math", "", "\\boxed{answer}", "no_marker"),
    ("math", "", "\\boxed{\\text{your answer}} \\boxed{9}", "9"),
    ("math", "", "\\boxed{...} so \\boxed{9}", "9"),
    ("math", "", "$$\\boxed{x^2+1}$$", "x^2+1"),
    ("math", "", "\\[ \\boxed{42} \\]", "42"),
    ("math", "", "\\boxed{A \\cup B}", "A \\cup B"),
    ("math", "", "first $\\boxed{1}$ then $\\boxed{2}$", "2"),
    ("math", "", "\\boxed{1}, \\boxed{2}. The answer is: 2", "2"),
    ("math", "", "\\boxed{(1,2)}, \\boxed{(3,4)}", "(1,2), (3,4)"),
]


@pytest.mark.parametrize(("family", "kind", "text", "expected"), READ)
def test_reading(family, kind, text, expected):
    assert reading(text, family, kind) == expected
