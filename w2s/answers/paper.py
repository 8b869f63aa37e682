"""The paper's own rules for answers, for reproduction: normalised strings, which are equal if they are the same string.

The normalisation comes from Lewkowycz et al. 2022 (Minerva), appendix D.1; the paper adds `3.00` -> `3` and lower-cases
single letters. Its faults are kept on purpose: `13.50` differs from `13.5`, and `2 hours 30 minutes` becomes `230`.
"""

import re

from w2s.answers.markers import braced
from w2s.answers.types import MAX_ANSWER_CHARS

_ANSWER_IS = "The answer is "
_MARKERS = {"gsm8k": "#### ", "math": "The answer is: "}
_NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")

_REPLACED = (
    *(("an ", ""), ("a ", ""), (".$", "$"), ("\\$", ""), ("\\ ", ""), (" ", ""), ("mbox", "text")),
    *((",\\text{and}", ","), ("\\text{and}", ","), ("\\text{m}", "\\text{}")),
)
"""In this order: articles, spaces, and the words between several answers."""
_UNIT_WORDS = tuple(
    "square ways integers dollars mph inches ft hours km units \\ldots sue points feet minutes digits cents degrees cm"
    " gm pounds meters meals edges students childrentickets multiples".split()
)
_DECORATION = (
    *("\\text{s}", "\\text{.}", "\\text{\ns}", "\\text{}^2", "\\text{}^3", "\\text{\n}", "\\text{}", "\\mathrm{th}"),
    *("^\\circ", "^{\\circ}", "\\;", ",\\!", "{,}", '"', "\\dots", "\\%", "%"),
)
_MATH_MODE = re.compile(r"\$(.*?)\$")
_WRAPPED = re.compile(r"\\(?:text|textbf|overline)\{(.*?)\}")
_BOXED = re.compile(r"\\boxed\{(.*)\}")
_SHORT_FRACTION = re.compile(r"frac([^{])(.)")
_ZERO_DECIMALS = re.compile(r"\.0*$")
_SHORT_ROOT = re.compile(r"sqrt([^{])")


def extract(text: str, family: str) -> str:
    """The raw final answer of a completion, '' if there is none (the paper, "Answers").

    Only the text before the first "Question" counts. The answer follows the last marker of the last line (`#### ` or
    `The answer is: `); else it is the first number after the last "The answer is ". For `olympicarena` it is the
    content of the first `\\boxed{}`, as in that benchmark's judge.

    Raises ValueError for a family without a rule of the paper.
    """
    body = text.split("Question")[0]
    if family == "olympicarena":
        return _first_boxed(body)
    if family not in _MARKERS:
        rules = ", ".join((*_MARKERS, "olympicarena"))
        raise ValueError(
            f"the paper has no rule for answers.family {family!r}, only for {rules}: set answers.equality='canonical'"
        )
    last_line = body.strip().rpartition("\n")[2]
    _, marker, answer = last_line.rpartition(_MARKERS[family])
    if marker:
        return answer
    _, marker, after = body.rpartition(_ANSWER_IS)
    number = _NUMBER.search(after) if marker else None
    return number[0] if number else ""


def normalise(answer: str) -> str:
    """The string by which the paper compares an answer; '' above `MAX_ANSWER_CHARS`, which bounds the time."""
    if len(answer) > MAX_ANSWER_CHARS:
        return ""
    text = answer.rpartition("=")[2]
    for before, after in _REPLACED:
        text = text.replace(before, after)
    for word in (*_UNIT_WORDS, *_DECORATION):
        text = text.replace(word, "")
    if inner := _MATH_MODE.search(text):
        text = inner[1]
    text = _BOXED.sub(r"\1", _WRAPPED.sub(r"\1", text))
    text = _SHORT_ROOT.sub(r"sqrt{\1}", _SHORT_FRACTION.sub(r"frac{\1}{\2}", text)).replace("$", "")
    if (digits := text.replace(",", "")).isdigit():
        text = digits
    text = _ZERO_DECIMALS.sub("", text)
    return text.lower() if len(text) == 1 else text


def _first_boxed(body: str) -> str:
    opening = "\\boxed{"
    start = body.find(opening)
    if start < 0:
        return ""
    return braced(body, start + len(opening)) or ""
