"""The kind of answer that a question asks for, by its own wording."""

import re

_SENTENCES = (
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
_KINDS = [
    (kind, re.compile(rf"\b{sentence}\b" if sentence[-1] != ")" else rf"\b{sentence}", re.IGNORECASE))
    for kind, sentence in _SENTENCES
]


def kind_of(question: str) -> str:
    """The answer kind that OlympicArena's instructions in a question or prompt name, '' where they are not there.

    The sentences are those of its table of answer types (Huang et al. 2024, arXiv 2406.12753, table 10), each of which stands before or
    after the question; where several kinds are named, which a question's own text could do, the first in the text counts.
    """
    found = [(match.start(), kind) for kind, pattern in _KINDS if (match := pattern.search(question))]
    return min(found)[1] if found else ""
