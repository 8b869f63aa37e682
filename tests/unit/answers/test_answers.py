"""Tables of observed behaviour: which answers are equal, which are not, and their canonical spelling."""

import pytest

from w2s.answers import canonical, equal
from w2s.answers.kinds import KINDS

EQUAL = [
    # kind, one, other
    ("", "13.50", "13.5"),
    ("", "13.5", "27/2"),
    ("", "1,000", "1000"),
    ("", "1,234,567", "1234567"),
    ("", "3.0", "3"),
    ("", "3.", "3"),
    ("", "+3", "3"),
    ("", "-0", "0"),
    ("", "007", "7"),
    ("", "1e3", "1000"),
    ("", "1.5e-3", "0.0015"),
    ("", ".5", "1/2"),
    ("", "0.50", "2/4"),
    ("", "27 1/2", "27.5"),
    ("", "-1 1/2", "-1.5"),
    ("", "1000000000000000000000", "1e21"),
    ("", "90^{\\circ}", "90°"),
    ("", "10{,}080", "10080"),
    ("", "11,\\! 111,\\! 100", "11111100"),
    ("", "\u22125", "-5"),
    ("", "x = 5", "5"),
    ("", "x=\\boxed{5}", "5"),
    ("", "12 + 7 = 19", "19"),
    ("", "30 x 6.67 = 200.1", "200.1"),
    ("", "5 = x", "5"),
    ("", "f(x) = 2x + 1", "1+2x"),
    ("", "2x = 6", "3"),
    ("", "\\frac{1}{2}", "0.5"),
    ("", "\\dfrac{1}{2}", "\\tfrac12"),
    ("", "\\frac12", "1/2"),
    ("", "\\frac 59", "5/9"),
    ("", "\\frac9{19}", "9/19"),
    ("", "-\\frac{1}{2}", "\\frac{-1}{2}"),
    ("", "-\\frac{1}{2}", "\\frac{1}{-2}"),
    ("", "1\\frac{4}{5}", "9/5"),
    ("", "137 \\frac{1}{2}", "137.5"),
    ("", "½", "0.5"),
    ("", "2^{10}", "1024"),
    ("", "2^{-1}", "1/2"),
    ("", "3.45 \\times 10^{14}", "3.45e14"),
    ("", "\\binom{5}{2}", "10"),
    ("", "\\sqrt{8}", "2\\sqrt{2}"),
    ("", "\\sqrt2", "sqrt(2)"),
    ("", "11\\sqrt2", "\\sqrt{242}"),
    ("", "\\frac{1}{\\sqrt{3}}", "\\frac{\\sqrt{3}}{3}"),
    ("", "\\frac{1}{1+\\sqrt{2}}", "\\sqrt{2}-1"),
    ("", "\\sqrt{2}\\sqrt{6}", "2\\sqrt{3}"),
    ("", "\\sqrt{\\frac{1}{4}}", "1/2"),
    ("", "\\sqrt[3]{8}", "2"),
    ("", "8^{2/3}", "4"),
    ("", "4^{1/2}", "2"),
    ("", "\\sqrt{-4}", "2i"),
    ("", "(1+i)^2", "2i"),
    ("", "\\frac{1}{i}", "-i"),
    ("", "6 - 5i", "-5i + 6"),
    ("", "2\\pi", "2π"),
    ("", "\\frac{\\pi}{2}", "\\pi/2"),
    ("", "2*pi + 18", "18+2\\pi"),
    ("", "(x+1)^2", "x^2+2x+1"),
    ("", "(a+5)(b+2)", "ab + 2a + 5b + 10"),
    ("", "x^2y", "yx^2"),
    ("", "x_1 + x_{2}", "x_2+x_1"),
    ("", "\\frac{2}{2x+2}", "\\frac{1}{x+1}"),
    ("", "\\cot x", "\\cot(x)"),
    ("", "\\left( 3, \\frac{\\pi}{2} \\right)", "(3, \\pi/2)"),
    ("", "(1,2)", "( 1 , 2.0 )"),
    ("", "(3,4]", "\\left(3, 4\\right]"),
    ("", "(-\\infty, 2)\\cup(3,\\infty)", "(3,\\infty) \\cup (-\\infty,2)"),
    ("", "x \\in [-2,7]", "[-2, 7]"),
    ("", "\\{1,2,3\\}", "\\{3, 2, 1\\}"),
    ("", "\\{1, 2, 2\\}", "\\{1,2\\}"),
    ("", "1,-2", "-2, 1"),
    ("", "3, 5, 7", "7, 5 and 3"),
    ("", "x = 1 or x = -2", "-2, 1"),
    ("", "1 \\pm \\sqrt{19}", "1-\\sqrt{19}, 1+\\sqrt{19}"),
    ("", "\\{1\\pm\\sqrt{5},-2\\}", "-2, 1+\\sqrt5, 1-\\sqrt5"),
    ("", "\\begin{pmatrix} -2 \\\\ -14 \\end{pmatrix}", "\\begin{bmatrix}-2\\\\-14\\end{bmatrix}"),
    ("", "5x - 7y + 11z + 4 = 0", "10x - 14y = -22z - 8"),
    ("", "x > 3", "3 < x"),
    ("", "\\text{(C)}", "C"),
    ("", "\\text{Evelyn}", "evelyn"),
    ("", "the ellipse", "Ellipse"),
    ("", "\\textbf{east}", "east"),
    ("", "5:40", "5 : 40"),
    ("", "$\\emptyset$", "\\varnothing"),
    ("SC", "B", "\\text{(B)}"),
    ("SC", "b", "B"),
    ("SC", "\\mathrm{B}", "B."),
    ("SC", "B: 12 m", "(B) 12 m"),
    ("MC", "A, C", "CA"),
    ("MC", "A and C", "\\text{A, C}"),
    ("TF", "\\text{True}", "true"),
    ("TF", "Yes", "T"),
    ("TF", "False", "no"),
    ("NV", "10 \\mathrm{~cm}", "10.0 cm"),
    ("NV", "0\\%", "0"),
    ("NV", "9.8 \\mathrm{~m} / \\mathrm{s}^2", "9.8 m/s^2"),
    ("SET", "\\{2,1\\}", "1, 2"),
    ("IN", "(0,1]", "\\left(0 , 1\\right]"),
    ("EX", "T = mg", "gm"),
    ("EQ", "y = 2x + 3", "2y - 4x = 6"),
    ("EQ", "\\frac{x^2}{4}+\\frac{y^2}{2}=1", "x^2 + 2y^2 = 4"),
    ("TUP", "(3, 5)", "3, 5"),
    ("MPV", "3, 5", "(3,5.0)"),
    ("MA", "5, 7, 2.5", "2.5, 7, 5"),
]

EQUAL_THOUGH_WRITTEN_OTHERWISE = [
    # kind, one, other: a unit on one side only, or a text that may mean something else too
    ("", "$5", "5"),
    ("", "$5.00", "5"),
    ("", "-$1850", "-1850"),
    ("", "$-1850", "-1850"),
    ("", "15 apples", "15"),
    ("", "15apples", "15"),
    ("", "40 miles per hour", "40"),
    ("", "40 miles/hour", "40"),
    ("", "$40 per person", "40"),
    ("", "12 cm", "12"),
    ("", "864 \\mbox{ inches}^2", "864"),
    ("", "15\\mbox{ cm}^2", "15"),
    ("", "5.4 \\text{ cents}", "5.4"),
    ("", "\\frac{270}7\\text{ degrees}", "270/7"),
    ("", "75%", "75"),
    ("", "75\\%", "75"),
    ("", "90^\\circ", "90"),
    ("", "\\$32,\\!348", "32348"),
    ("", "5!", "120"),
]

UNEQUAL = [
    ("", "13.5", "13.05"),
    ("", "1/3", "0.333"),
    ("", "1000", "1.000"),
    ("", "5", "-5"),
    ("", "50%", "0.5"),
    ("", "2 hours 30 minutes", "230"),
    ("", "2 hours 30 minutes", "2"),
    ("", "10 am", "10 pm"),
    ("", "3 million", "3"),
    ("", "5 dozen", "5"),
    ("", "5:40", "540"),
    ("", "27 1/2", "271/2"),
    ("", "3 apples and 2 pears", "32"),
    ("", "1 or 2", "12"),
    ("", "1, 2", "12"),
    ("", "2 1/2", "21/2"),
    ("", "x^2", "2x"),
    ("", "x^{12}", "x^12y"),
    ("", "\\sqrt{2}", "1.414"),
    ("", "\\sqrt{2}", "2"),
    ("", "-1^2", "(-1)^2"),
    ("", "2\\pi", "2"),
    ("", "x", "y"),
    ("", "p-q", "q-p"),
    ("", "\\frac{1}{x+1}", "\\frac{1}{x}+1"),
    ("", "1/2x", "1/(2x)"),
    ("", "(1,2)", "(2,1)"),
    ("", "(1,2)", "[1,2]"),
    ("", "(1,2)", "(1,2]"),
    ("", "(1,234)", "1234"),
    ("", "(1,2)", "1,2"),
    ("", "x+y+z=0", "2x-y+2z-8=0"),
    ("", "x=1, y=2", "x=2, y=1"),
    ("", "x < 3", "x > 3"),
    ("", "x < 3", "x \\le 3"),
    ("", "\\text{east}", "west"),
    ("", "\\text{(C)}", "\\text{(D)}"),
    ("", "1 \\pm \\sqrt{19}", "1+\\sqrt{19}"),
    ("", "1 & 0", "10"),
    ("", "\\begin{pmatrix} 1 & 2 \\end{pmatrix}", "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}"),
    ("", "\\sin x", "\\cos x"),
    ("", "\\sqrt{x}", "\\sqrt{y}"),
    ("", "1/0", "0"),
    ("", "9^9^9", "81^9"),
    ("SC", "A", "B"),
    ("SC", "E", "mv^2 = E"),
    ("MC", "AC", "A"),
    ("TF", "True", "False"),
    ("NV", "10 cm", "10 m"),
    ("NV", "10 cm", "10"),
    ("SET", "\\{1,2\\}", "\\{1,3\\}"),
    ("EQ", "y=2x", "y=3x"),
    ("TUP", "3, 5", "5, 3"),
    ("MPV", "3, 5", "5, 3"),
    ("MA", "3, 5", "3"),
]

CANONICAL = [
    ("", "13.50", "27/2"),
    ("", "$1,000", "1000 USD"),
    ("", "\\frac{\\sqrt{8}}{2}", "sqrt(2)"),
    ("", "(x-1)^2", "x^2 - 2*x + 1"),
    ("", "\\frac{2}{2x+2}", "(x + 1)^(-1)"),
    ("", "(3, 4]", "(3, 4]"),
    ("", "7, 5", "5, 7"),
    ("MC", "c, a", "AC"),
    ("TF", "Yes", "true"),
    ("", "", ""),
]


@pytest.mark.parametrize(("kind", "one", "other"), EQUAL)
def test_equal(kind, one, other):
    assert canonical(one, kind) == canonical(other, kind)
    assert equal(one, other, kind) and equal(other, one, kind)


@pytest.mark.parametrize(("kind", "one", "other"), EQUAL_THOUGH_WRITTEN_OTHERWISE)
def test_equal_though_written_otherwise(kind, one, other):
    assert canonical(one, kind) != canonical(other, kind)
    assert equal(one, other, kind) and equal(other, one, kind)


@pytest.mark.parametrize(("kind", "one", "other"), UNEQUAL)
def test_unequal(kind, one, other):
    assert canonical(one, kind) != canonical(other, kind)
    assert not equal(one, other, kind) and not equal(other, one, kind)


@pytest.mark.parametrize(("kind", "answer", "expected"), CANONICAL)
def test_canonical_spelling(kind, answer, expected):
    assert canonical(answer, kind) == expected


def test_no_pair_is_there_twice_and_every_kind_is():
    assert len({(k, *sorted((a, b))) for k, a, b in EQUAL + UNEQUAL}) == len(EQUAL) + len(UNEQUAL)
    assert {kind for kind, _, _ in EQUAL} == set(KINDS)
