"""Reads answers from completions, brings them to one canonical form, compares and grades them. Usable on its own.

    >>> from w2s.answers import canonical, equal, grade, read
    >>> read("12 + 1.5 = 13.5\\n#### $13.50", "gsm8k")
    Answer(text='$13.50')
    >>> canonical("$13.50"), equal("13.50", "27/2"), equal(r"\\frac{\\sqrt{8}}{2}", "sqrt(2)")
    ('27/2 USD', True, True)
    >>> grade(read("#### 15 apples", "gsm8k"), "15").verdict
    'right'

Nothing uses the network or evaluates text as code: any text is safe and takes bounded time and memory. Math-Verify and
sympy run in a separate process (second_opinion/), which only `grade` and `grade_completion` ask, so that
`import w2s.answers` loads neither.
"""

from w2s.answers.classes import answer_class, grade_class, grade_completion
from w2s.answers.equality import Merged, compare, decide, equal, merge
from w2s.answers.forms.canonical import canonical
from w2s.answers.grading import Grade, grade
from w2s.answers.kinds import kind_of
from w2s.answers.reading import read
from w2s.answers.types import Answer, Unreadable

__all__ = [
    "Answer",
    "Grade",
    "Merged",
    "Unreadable",
    "answer_class",
    "canonical",
    "compare",
    "decide",
    "equal",
    "grade",
    "grade_class",
    "grade_completion",
    "kind_of",
    "merge",
    "read",
]
