"""Answers: read out of completions, brought to one canonical form, compared, graded. Usable on its own.

    >>> from w2s.answers import canonical, equal, grade, read
    >>> read("12 + 1.5 = 13.5\\n#### $13.50", "gsm8k")
    Answer(text='$13.50')
    >>> canonical("$13.50"), equal("13.50", "27/2"), equal(r"\\frac{\\sqrt{8}}{2}", "sqrt(2)")
    ('27/2', True, True)
    >>> grade(read("#### 15 apples", "gsm8k"), "15").verdict
    'right'

No network and no evaluation of code: any text is safe and takes bounded time and memory. Math-Verify and sympy run in a process of their
own (second_opinion.py), and only `grade` asks it; `import w2s.answers` loads none of them.
"""

from w2s.answers.classes import answer_class, grade_class, grade_completion
from w2s.answers.equality import Merged, compare, equal, merge
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
    "equal",
    "grade",
    "grade_class",
    "grade_completion",
    "kind_of",
    "merge",
    "read",
]
