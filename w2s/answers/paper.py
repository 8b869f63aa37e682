"""The paper's own rules for answers, for reproduction: normalised strings, which are equal if they are the same string.

The rules are those of the authors' published scripts: the normalisation of Lewkowycz et al. 2022 (Minerva), appendix
D.1, in which a percent sign stays, then `3.00` -> `3` and the letters A to G in lower case. Its faults are kept on
purpose: `13.50` differs from `13.5`, and `2 hours 30 minutes` becomes `230`. Time is linear in the text's length.
"""

import re

_ANSWER_IS = "The answer is "
_MARKERS = {"gsm8k": "#### ", "math": "The answer is: "}
_NUMBER = re.compile(r"-?\d+\.?\d*")
_END_TOKEN = "</s>"

_REPLACED = (
    *(("an ", ""), ("a ", ""), (".$", "$"), ("\\$", ""), ("\\ ", ""), ("\\%", "%"), (" ", ""), ("mbox", "text")),
    *((",\\text{and}", ","), ("\\text{and}", ","), ("\\text{m}", "\\text{}")),
)
"""In this order: articles, spaces, and the words between several answers."""
_UNIT_WORDS = tuple(
    "square ways integers dollars mph inches ft hours km units \\ldots sue points feet minutes digits cents degrees cm"
    " gm pounds meters meals edges students childrentickets multiples".split()
)
_DECORATION = (
    *("\\text{s}", "\\text{.}", "\\text{\ns}", "\\text{}^2", "\\text{}^3", "\\text{\n}", "\\text{}", "\\mathrm{th}"),
    *("^\\circ", "^{\\circ}", "\\;", ",\\!", "{,}", '"', "\\dots"),
)
_WRAPPERS = tuple(re.compile(rf"\\{name}\{{(.*?)\}}") for name in ("text", "textbf", "overline"))
_BOXED = re.compile(r"\\boxed\{(.*)\}")
_SHORT_FRACTION = re.compile(r"frac([^{])(.)")
_SHORT_ROOT = re.compile(r"sqrt([^{])")


def extract(text: str, family: str) -> str:
    """The raw final answer of a completion, '' if there is none (the paper, "Answers").

    Full stops at both ends and all from the first "Question" on are left out. The answer follows the first marker of
    the last line (`#### ` or `The answer is: `); else it is the first number after that line's first "The answer is ".
    For `olympicarena` it is the content of the first `\\boxed{}`, as in that benchmark's judge.

    Raises ValueError for a family without a rule of the paper.
    """
    body = text.strip().strip(".").partition("Question")[0].strip()
    if family == "olympicarena":
        return _first_boxed(body)
    if family not in _MARKERS:
        rules = ", ".join((*_MARKERS, "olympicarena"))
        raise ValueError(
            f"the paper has no rule for answers.family {family!r}, only for {rules}: set answers.equality='canonical'"
        )
    last_line = body.rpartition("\n")[2]
    answer = last_line.partition(_MARKERS[family])[2] or _first_number(last_line.partition(_ANSWER_IS)[2])
    return answer[: -len(_END_TOKEN)] if _END_TOKEN in answer else answer


def normalise(answer: str) -> str:
    """The string by which the paper compares an answer."""
    text = answer.rpartition("=")[2]
    for before, after in _REPLACED:
        text = text.replace(before, after)
    for word in (*_UNIT_WORDS, *_DECORATION):
        text = text.replace(word, "")
    text = "\n".join(_unwrapped(line) for line in text.split("\n"))
    text = _SHORT_ROOT.sub(r"sqrt{\1}", _SHORT_FRACTION.sub(r"frac{\1}{\2}", text)).replace("$", "")
    if (digits := text.replace(",", "")).isdigit():
        text = digits
    for ending in (".0", ".00", "%"):
        if text.endswith(ending) and (number := text.removesuffix(ending)).isdigit():
            text = number
    return text.lower() if len(text) == 1 and text in "ABCDEFG" else text


def _unwrapped(line: str) -> str:
    """A line's first `$...$` if it has one, with the commands for text, lines over it and boxes taken off."""
    if line.count("$") > 1:
        line = f"${line.split('$')[1]}$"
    for wrapper in (*_WRAPPERS, _BOXED):
        head, brace, tail = line.rpartition("}")  # so that each opening has a closing brace: the search stays linear
        line = wrapper.sub(r"\1", head + brace) + tail
    return line


def _first_number(text: str) -> str:
    number = _NUMBER.search(text.replace(",", ""))
    return number[0].removesuffix(".") if number else ""


def _first_boxed(body: str) -> str:
    opening = "\\boxed{"
    start = body.find(opening)
    if start < 0:
        return ""
    return _braced(body, start + len(opening)) or ""


def _braced(text: str, start: int) -> str | None:
    """The text from `start` to the brace that closes the one before `start`; None where that brace is missing.

    Escaped braces are text and do not count.
    """
    depth = 1
    escaped = False
    for index in range(start, len(text)):
        char = text[index]
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return text[start:index]
    return None
