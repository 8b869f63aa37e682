"""Answer kinds: what sort of answer a problem asks for, which decides how two answers are compared.

The kind of an OlympicArena problem is read from the benchmark's own instruction sentence in the question.
"""

import re

KINDS = ("", "SC", "MC", "TF", "NV", "SET", "IN", "EX", "EQ", "TUP", "MPV", "MA")
"""'': any number or mathematical answer (GSM8K, MATH). The others are OlympicArena's answer types: single choice,
multiple choice, true or false, numerical value, set, interval, expression, equation, tuple, several quantities in
order, several answers in any order."""

CHOICE_KINDS = ("SC", "MC", "TF")
"""Answers of these kinds are letters or truth values."""

UNIT_KINDS = ("NV", "SET", "TUP", "MPV", "MA")
"""In these kinds a unit belongs to its number, a percent sign means 1/100, and letters are not variables.

In the other kinds, units and count nouns after a number are dropped: `15 apples` is 15 and `10 cm` is 10. Their
questions ask for a number and name its unit ("how many?"), and gold answers have no unit.
"""

_INSTRUCTIONS = (
    ("MC", r"multiple choice question \(more than one correct answer\)"),
    ("SC", r"multiple choice question"),
    ("TF", r"true or false question"),
    ("MPV", r"this question involves multiple quantities to be determined"),
    ("MA", r"this question has more than one correct answer"),
    ("NV", r"the answer to this question is a numerical value"),
    ("SET", r"the answer to this question is a set"),
    ("IN", r"the answer to this question is an? (?:range |range of )?interval"),
    ("EX", r"the answer to this question is an expression"),
    ("EQ", r"the answer to this question is an equation"),
    ("TUP", r"the answer to this question is a tuple"),
)
_PATTERNS = [
    (kind, re.compile(rf"\b{sentence}\b" if sentence[-1] != ")" else rf"\b{sentence}", re.IGNORECASE))
    for kind, sentence in _INSTRUCTIONS
]


def kind_of(question: str) -> str:
    """The answer kind that OlympicArena's instruction in a question or prompt names; '' without an instruction.

    The sentences come from the benchmark's table of answer types (Huang et al. 2024, arXiv 2406.12753, table 10). They
    stand before or after the question. The first one in the text counts, because a question may quote others.
    """
    if "question" not in question.casefold():  # it is in all sentences, and this search is far faster
        return ""
    matches = [(match.start(), kind) for kind, pattern in _PATTERNS if (match := pattern.search(question))]
    return min(matches)[1] if matches else ""
