"""The ending of the four-shot MATH prompt, without its last sentence and the next problem."""

import pytest

from tests.unit.answers.reading.readings import reading

READ = [
    # family, kind, text, answer or reason
    ("math", "", "Final Answer: The final answer is $5$. I hope it is correct.", "$5$"),
    ("math", "", "Final Answer: The final answer is $x = 2, y = 3$. I hope it is correct.", "$x = 2, y = 3$"),
    ("math", "", "Final Answer: The final answer is $[2,5)$. I hope it is correct.", "$[2,5)$"),
    ("math", "", "Final Answer: The final answer is $\\text{Navin}$. I hope it is correct.", "$\\text{Navin}$"),
    (
        "math",
        "",
        "Final Answer: The final answer is $(3, \\frac{\\pi}{2})$. I hope it is correct.",
        "$(3, \\frac{\\pi}{2})$",
    ),
    ("math", "", "Final Answer: The final answer is 5. I hope it is correct.", "5"),
    (
        "math",
        "",
        "The final answer is $5$. I hope it is correct.\n\nProblem:\nFind x.\n\nSolution: ... The final answer is $7$.",
        "$5$",
    ),
    (
        "math",
        "",
        "Final Answer: The final answer is $\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}$. I hope it is correct.",
        "$\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}$",
    ),
    ("math", "", "Final Answer: The final answer is $-\\frac{2}{3}$. I hope it is correct.", "$-\\frac{2}{3}$"),
    ("math", "", "Final Answer: The final answer is $10\\%$. I hope it is correct.", "$10\\%$"),
    ("math", "", "Final Answer: The final answer is \\$5.50. I hope it is correct.", "\\$5.50"),
    ("math", "", "Final Answer: The final answer is $y = 2x + 3$. I hope it is correct", "$y = 2x + 3$"),
    ("math", "", "Therefore, the final answer is: $\\boxed{5}$. I hope it is correct.", "5"),
    ("math", "", "Final Answer: The final answer is 3.14. I hope it is correct.", "3.14"),
    ("math", "", "Final Answer: The final answer is $5.$ I hope it is correct.", "$5.$"),
    ("math", "", "Final Answer: The final answer is $f(x)=x^2$. I hope it is correct.", "$f(x)=x^2$"),
    ("math", "", "Final Answer: The final answer is $1,2,3$. I hope it is correct.", "$1,2,3$"),
]


@pytest.mark.parametrize(("family", "kind", "text", "expected"), READ)
def test_reading(family, kind, text, expected):
    assert reading(text, family, kind) == expected
