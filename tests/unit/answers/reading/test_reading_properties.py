"""Properties of reading: its time is linear, and the quick path of GSM8K's usual ending changes nothing."""

import random

import pytest

from tests.conftest import quickest
from tests.unit.answers.reading.readings import reading
from w2s.data.cells.final_answer import final_answer

PIECES = (
    *("#### 1\n", "#### \n", "## 1\n", "#", "The answer is ", "the answer is 5. ", "answer: ", "answer ", "Answer\n"),
    *(
        "is the answer ",
        "5 is the answer. ",
        "if the answer is ",
        '"answer": "',
        "答案是",
        "respuesta es ",
        "final answer ",
    ),
    *("\\boxed{", "\\boxed{1} ", "\\boxed{1}, ", "\\boxed 1 ", "x=\\boxed{1},", "not \\boxed{1} ", "\\boxed{\\boxed{"),
    *(
        "wait \\boxed{1} so \\boxed{2} ",
        "\\text{ and }",
        "\\begin{a}",
        "\\[",
        "\\(",
        "$",
        "$ 5 ",
        "{",
        "}",
        "(",
        " (aa",
    ),
    *("\n", "- 1\n", "The answers are:\n- 1\n- 2\n", "1. ", "1, ", "1 000 ", "5 apples and ", "1 = ", "1 1/2 ", "½"),
    *("1\\times10^", "5 - a ", "<", "<think>", "</think>", "</s>", "Question", "Question: ", "\nQ: ", "**", "__", "`"),
    *('"', "'", " ", "!", "?", "...", "; ", "so ", "because "),
)


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "The answer is $"])
def test_the_time_is_linear_in_the_length(before):
    """100,000 characters of each piece take at most 0.5 s on idle cores, so that 20,000 take 0.1 s."""
    for piece in PIECES:
        text = before + piece * (20_000 // len(piece))
        assert quickest(lambda text=text: reading(text, "plain")) < 0.3, piece


def test_usual_endings_are_read_quickly_and_as_all_others():
    """A second newline at the end keeps a text from the quick path."""
    rng = random.Random(7)
    heads = (
        "3 + 4 = <<3+4=7>>7",
        "The answer is 9.",
        "Answer: 9",
        "\\boxed{9}",
        "Q: next\n",
        "plans",
        "final 9",
        "#### 9",
    )
    tails = (
        "7",
        "$7",
        "-7",
        "1,000",
        "7.50",
        "7 apples",
        "7 dollars",
        "7 less",
        "7 hours",
        "7 boxes",
        "7 thirds",
        "7 times",
    )
    for _ in range(2000):
        text = "\n".join(rng.sample(heads, k=rng.randint(1, 3))) + f"\n#### {rng.choice(tails)}"
        assert reading(text, "gsm8k") == reading(text + "\n\n", "gsm8k"), text


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        ("$x=\\boxed{3}$ or $x=\\boxed{-3}$", "3, -3"),
        ("$\\boxed{3}$, $\\boxed{5}$ and $\\boxed{7}$.", "3, 5, 7"),
        ("So $\\boxed{15\\frac{39}{40}},$ or $\\boxed{\\frac{639}{40}}$ inches.", "\\frac{639}{40}"),
        ("So $\\boxed{49}$.\n\nOR\n\nOnly $\\boxed{49}$ works.", "49"),
        ("So $\\boxed{12}$ dollars.", "12"),
        ("$x=\\boxed{1}$ and $y=\\boxed{2}$", "x=1, y=2"),
        ("\\boxed{1", None),
    ],
)
def test_gold_solutions_have_lists_of_boxes_too(solution, answer):
    assert final_answer(solution) == answer
