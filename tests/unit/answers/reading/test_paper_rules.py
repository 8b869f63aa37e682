"""The paper's reading and normalisation, case by case; `test_paper_reference.py` has the published figures."""

import pytest

from tests.conftest import quickest
from w2s.answers import paper

READ = [
    # family, completion, the string that is compared
    ("math", "so $x=\\boxed{24}$. The answer is: 24", "24"),
    ("math", "The answer is: 5. The answer is: 6", "5.Theansweris:6"),  # all after the first marker of the last line
    ("math", "The answer is $-1$. The answer is: -1", "-1"),
    ("math", "The answer is: 5\nThe answer is: 6", "6"),
    ("math", "The answer is: 5\nIt is prime.", ""),  # only the last line counts
    ("math", "The answer is 60 miles", "60"),
    ("math", "The answer is $30$", "30"),
    ("math", "The answer is 5 or 6. The answer is 7.", "5"),
    ("math", "The answer is 1,200.50.", "1200.50"),
    ("math", "The answer is none.", ""),
    ("math", "Thus the answer is: 5", ""),  # the marker has a capital letter
    ("math", "The answer is: ", ""),
    ("math", "The answer is: 5.", "5"),
    ("math", "...The answer is: 5...", "5"),
    ("math", "The answer is: 5</s>", "5"),
    ("math", "The answer is: 5\nQuestion: next", "5"),
    ("math", "The answer is: Questionable", ""),
    ("math", "The answer is: 0.50", "0.50"),
    ("math", "The answer is: 50\\%", "50"),
    ("math", "The answer is: 12.5\\%", "12.5%"),
    ("math", "The answer is: x\\%", "x%"),
    ("math", "The answer is: 50%", "50"),
    ("math", "The answer is: 3.0", "3"),
    ("math", "The answer is: 3.00", "3"),
    ("math", "The answer is: 3.000", "3.000"),
    ("math", "The answer is: -3.0", "-3.0"),
    ("math", "The answer is: B", "b"),
    ("math", "The answer is: G", "g"),
    ("math", "The answer is: H", "H"),
    ("math", "The answer is: AB", "AB"),
    ("math", "The answer is: \\frac12", "\\frac{1}{2}"),
    ("math", "The answer is: \\sqrt3", "\\sqrt{3}"),
    ("math", "The answer is: $5$ or $6$", "5"),
    ("math", "The answer is: \\text{\\textbf{a}}", "a"),
    ("math", "The answer is: \\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
    ("math", "The answer is: y = 2x + 1", "2x+1"),
    ("math", "The answer is: 1,000,000", "1000000"),
    ("math", "The answer is: 10 square inches", "10"),
    ("gsm8k", "#### 5\n#### 6", "6"),
    ("gsm8k", "#### 5 #### 6", "5####6"),
    ("gsm8k", "####5", ""),
    ("gsm8k", "#### 5\nThat is all", ""),
    ("gsm8k", "#### \nThe answer is 5 apples", "5"),
    ("gsm8k", "#### 2 hours 30 minutes", "230"),
    ("gsm8k", "#### $1,000.00", "1,000.00"),  # a comma beside decimals stays
    ("gsm8k", "#### 50%", "50"),
]


@pytest.mark.parametrize(("family", "text", "answer"), READ)
def test_the_papers_reading(family, text, answer):
    assert paper.normalise(paper.extract(text, family)) == answer


@pytest.mark.parametrize(
    "piece", ["$", "\\text{", "\\boxed{", "\\overline{ }", "frac", "=", "Question", "The answer is ", "\n$"]
)
def test_its_time_is_linear_in_the_length(piece):
    text = "The answer is: " + piece * 100_000
    assert quickest(lambda: paper.normalise(paper.extract(text, "math"))) < 0.7
