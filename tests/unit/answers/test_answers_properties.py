"""Properties of reading, canonical form and equality that hold for any text, and their time on hostile ones."""

import random
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.conftest import quickest
from w2s.answers import Answer, canonical, equal, merge, read
from w2s.answers.forms import canonical as canonical_rules
from w2s.answers.forms.canonical import form
from w2s.answers.kinds import KINDS
from w2s.answers.types import REASONS

PIECES = [
    *[
        "\\frac",
        "\\sqrt",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "|",
        "^",
        "_",
        "!",
        "+",
        "-",
        "*",
        "/",
        "=",
        "<",
        ">=",
        ",",
        ";",
        ".",
        " ",
        "\n",
    ],
    *[
        "1",
        "2",
        "12",
        "0",
        "3.5",
        "1,000",
        "e9",
        "99999",
        "x",
        "y",
        "i",
        "e",
        "A",
        "(C)",
        "pi",
        "\\pi",
        "\\theta",
        "\\infty",
        "10^",
        "½",
    ],
    *[
        "\\text{",
        "\\boxed{",
        "\\$",
        "$",
        "%",
        " and ",
        " or ",
        "\\pm ",
        "\\cup ",
        "\\in ",
        "\\{",
        "\\}",
        "\\left(",
        "\\right)",
        "\\cdot",
    ],
    *[
        "apples",
        " cm",
        "am",
        ":",
        "true",
        "\\begin{pmatrix}",
        "\\end{pmatrix}",
        "&",
        "\\\\",
        "\\sin",
        "log",
        "\\binom",
        "\x00",
        "²",
        "√",
    ],
    *["####", "The answer is: ", "Question", "\\!", "{,}", "^\\circ", "'", '"', "̈", "٣", "\ud800"],
]
RNG = st.randoms(use_true_random=False)
answers = st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=80)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(answers, st.sampled_from(KINDS))
@example("12e9.\\%>=^\\circ999999!%", "TF")  # read as a relation only once its sides are canonical
def test_any_text_has_one_stable_form(text, kind):
    assert canonical(canonical(text, kind), kind) == canonical(text, kind)


@settings(max_examples=300, deadline=None)
@given(
    answers, st.sampled_from(["gsm8k", "math", "olympicarena", "plain"]), st.sampled_from(["stop", "length", "error"])
)
def test_any_text_is_read_or_has_a_reason(text, family, finish_reason):
    found = read(text, family, finish_reason)
    assert found.text if isinstance(found, Answer) else found.reason in REASONS


@settings(max_examples=200, deadline=None)
@given(st.fractions(), st.integers(1, 50))
def test_every_spelling_of_a_fraction_is_one_value(value, factor):
    n, d = value.numerator, value.denominator
    spellings = [
        f"{n}/{d}",
        f"\\frac{{{n * factor}}}{{{d * factor}}}",
        f"${n * factor}/{d * factor}$",
        f"({n})/({d})",
        f"x = {n}/{d}",
    ]
    assert len({canonical(s) for s in spellings}) == 1


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-9, 9), st.sampled_from(["x", "y", "xy", "x^2", "\\sqrt{2}", "1"])),
        min_size=1,
        max_size=6,
    ),
    RNG,
)
def test_the_order_of_terms_does_not_matter(terms, rng):
    shuffled = rng.sample(terms, len(terms))
    one, other = ("+".join(f"({c})*{m}" for c, m in order) for order in (terms, shuffled))
    assert equal(one, other)


HOSTILE = [
    *[
        "9^9^9^9",
        "9^{9^{9^9}}",
        "1e999999999",
        "10^{10^{10}}",
        "x^{99999999}",
        "999999!",
        "\\sqrt[1000000]{2}",
        "2^{1/99999999999}",
        "1/0",
        "0^{-1}",
    ],
    *[
        "(" * 50_000 + "x",
        "{" * 100_000,
        "\\frac{" * 20_000,
        "\\boxed{" * 20_000,
        "\\sqrt{" * 150,
        "\\text{" * 160,
        "$" * 1000,
        "#" * 100_000,
    ],
    *[
        "(a+b)^{30}+" * 90 + "1",
        "(1+x)^{32}" * 90,
        "(x+y+z+w)^4" * 80,
        "(((1+x)^{32})^{32})^{32}",
        "+".join(f"1/(x+{i})" for i in range(90)),
    ],
    *[
        "\\sqrt{" + "9" * 300 + "}",
        "9" * 5000,
        "1" + "/3" * 480,
        "\\pm 1" * 200,
        "<1" * 400,
        "1\\cup " * 140,
        "__import__('os').system('x')",
    ],
    *["#### 1\n" * 20_000, "The answer is: " + "\\text{" * 20_000, "####" + " " * 100_000, "1," * 50_000],
]


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_takes_bounded_time(text):
    def read_and_compare() -> None:
        for family in ("gsm8k", "math", "olympicarena", "plain"):
            read(text, family)
        assert canonical(canonical(text)) == canonical(text)

    assert quickest(read_and_compare, tries=1) < 4


@pytest.mark.slow
def test_random_hostile_texts_in_bounded_time():
    seed = 20240720
    rng = random.Random(seed)
    start = time.thread_time()
    undecided = 0
    for _ in range(4000):
        text = "".join(rng.choices(PIECES, k=rng.choice((3, 6, 12, 60))))
        undecided += not form(text, rng.choice(KINDS)).exact
    print(f"seed {seed}: 4000 hostile texts in {time.thread_time() - start:.1f} s, {undecided} without an exact form")
    assert time.thread_time() - start < 20


def test_forms_of_one_problem_fall_into_classes_in_any_order():
    forms = ["2", "3", "sin(x)", "tan(x)", "2 hours 30 minutes"]
    found = merge(forms)
    assert found == merge(reversed(forms))
    assert set(found.class_of) == set(forms)
    assert frozenset(("2", "3")) not in found.undecided and frozenset(("2", "2 hours 30 minutes")) in found.undecided


@pytest.mark.slow
def test_the_rules_return_numbers_and_polynomials_unchanged():
    """What `canonical` takes for a fixed point without another round is one."""
    rng = random.Random(5)
    powers = ("", "^2", "^{3}")
    symbols = ("x", "y", "n", "a", "e", "i", "pi", "\\pi", "\\sqrt{2}", "m", "s", "h", "C", "A", "x_1", "k", "t")
    stable = 0
    for _ in range(1500):
        factors = [rng.choice(symbols) + rng.choice(powers) for _ in range(rng.randint(1, 3))]
        answer = (
            f"{rng.choice(('', '-', '2', '3/4', '12'))}{' '.join(factors)} {rng.choice(('', '- 3', '+ 1/2', '+ 2x'))}"
        )
        found = form(answer)
        if canonical_rules._POLYNOMIAL.fullmatch(found.text) or canonical_rules._NUMBER.fullmatch(found.text):
            stable += 1
            assert canonical_rules._apply_rules(found.text, "") == found, answer
    assert stable > 500
