# ruff: noqa: RUF001 (signs of many languages)
"""Where a stated answer ends: at the end of its sentence, before a reason or a remark."""

import re
from typing import Literal

from w2s.answers.types import MAX_ANSWER_CHARS

Ending = Literal["", "!", "?"]

_MAX_WINDOW = MAX_ANSWER_CHARS + 200
_TOKEN = re.compile(
    r"(?P<open>\\begin\s*\{\w*\*?\}|\\[\[(]|[{(\[])|(?P<close>\\end\s*\{\w*\*?\}|\\[\])]|[})\]])|\\.|(?P<money>\$\$?)|(?P<line>\n)"
    r"|(?P<stop>[.!?]+)(?=[\s*_\"'”’`)<]|$)|(?P<wide>[。！？])|(?P<semicolon>;)(?=\s)",
    re.DOTALL,
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:approx|ca|cf|vs|etc|no|nos|eq|fig|min|max|sec|hr|hrs|yr|yrs|ft|in|yd|mi|oz|lb|lbs|sq|cu|gal|pt|qt|mr|mrs"
    r"|ms|dr|st)|\b[a-z](?:\.[a-z])+)$",
    re.IGNORECASE,
)
_REASON = re.compile(
    r",?\s+(?:because|since|whereas?|which|whose|namely|that\s+is|i\.\s?e\.?|e\.\s?g\.?|in\s+other\s+words"
    r"|as\s+(?:required|desired|expected|shown|needed|stated|calculated|computed|the|there|it|they|this|we|you)"
    r"|if\s+we|when\s+we|(?:is|are)\s+(?:the|our|my)\s+(?:(?:final|correct|right)\s+)?answers?)\b"
    r"|,\s*(?:as|but|while|not|giving|meaning|making|assuming|or\s+(?:equivalently|about|approximately|roughly|simply"
    r"|rather)|(?:rounded|rounding|expressed|written|obtained|found|correct\s+to|although|though)"
    r"|in\s+(?:simplest|lowest|decimal)|to\s+(?:the\s+nearest|two|three|one|\d))\b",
    re.IGNORECASE,
)
_NEXT_LABEL = re.compile(
    r"\s+[*_]*(?:Explanation|Reason(?:ing)?|Justification|Solution|Proof|Check|Note|Confidence|Units?)"
    r"\s*[*_]*:"
)
_SUBJECTS = "the|this|that|it|we|he|she|they|there|i"
_NEXT_CLAUSE = re.compile(
    rf",\s*(?:(?:and|but)\s+)?(?:so|for|therefore|thus|hence|then|these|those|you|our|his|her|their|{_SUBJECTS})\s"
    rf"|\s+so\s+(?:{_SUBJECTS})\b|\s+(?:and|but)\s+(?:so|not|therefore|thus|hence|then|{_SUBJECTS})\s",
    re.IGNORECASE,
)
"""After a statement; an unannounced sentence may begin with a condition: `After 2 days, the price is 5`."""
_FUNCTION = r"(?:sin|cos|tan|cot|sec|csc|log|ln|exp|pi|sqrt|mod|base|arc\w+|max|min|gcd|lcm|deg)\b"
_NEW_SENTENCE = re.compile(r"\s+[A-Z][a-z]*\b(?!\s*=)|\s*$")
_ITEM = re.compile(r"\s*(?:[\d\\$(\[{+−-]|[A-Za-z](?![A-Za-z]))")
_OPERATORS = frozenset("=+-*/×÷·<>)]},^−")
_DASH = re.compile(rf"(?<=[\w}})\]$%*])\s+(?:--?-?|[–—])\s+(?!{_FUNCTION})(?=[A-Za-z]{{2}}|an?\s)")
_REMARK = re.compile(
    rf"(?<=[\w}})\]$%*!°'])\s+\((?!\s*{_FUNCTION})"
    r"(?=\s*(?:[=≈~]|or\b|i\.\s?e\b|[^()\\]{0,80}?(?:[A-Za-z]{3}|[A-Za-z]{2}\s)))"
)
_BOLD = re.compile(r"(?<![\w)}\]])\*\*|\*\*(?![\w({\[])")
"""Not the power in `2**3`."""
_BRACKETED = re.compile(r"^<([^<>]*\d[^<>]*)>$")
_VALUE = re.compile(r"[\d\\$½¼¾∞πθ]|\b[A-Za-z]\b|\b(?:true|false|yes|no|zero|one|two|three|none)\b", re.IGNORECASE)


def clause(text: str, start: int, limit: int) -> tuple[int, Ending]:
    """The end of the clause that begins at `start`, at most `limit`, and the mark that ends it if it is `!` or `?`.

    A newline, a full stop and a semicolon end it, but not in brackets, braces, environments or `$...$`. Where an
    opening bracket is never closed, brackets count as text.
    """
    limit = min(limit, start + _MAX_WINDOW)
    end, ending, nested = _scan(text, start, limit, True)
    return _scan(text, start, limit, False)[:2] if nested else (end, ending)


def _scan(text: str, start: int, limit: int, brackets: bool) -> tuple[int, Ending, bool]:
    depth, position = 0, start
    for token in _TOKEN.finditer(text, start, limit):
        if token.start() < position:
            continue
        at = token.start()
        if token["money"]:
            position = _after_math(text, token.end(), limit, token["money"])
            if (
                not depth
                and text[:position].endswith(f".{token['money']}")
                and _NEW_SENTENCE.match(text, position, limit)
            ):
                return position, "", False
        elif token["open"] and brackets:
            depth += 1
        elif token["close"] and brackets:
            depth = max(0, depth - 1)
        elif depth:
            continue
        elif token["line"] or token["wide"]:
            return at, "?" if token["wide"] == "？" else "", False
        elif token["semicolon"] and not _ITEM.match(text, token.end(), limit):
            return at, "", False
        elif token["stop"] and _ends(text, token, limit):
            mark = token["stop"].strip(".")[:1]
            return at, "!" if mark == "!" else "?" if mark == "?" else "", False
    return limit, "", depth > 0


def _after_math(text: str, start: int, limit: int, mark: str) -> int:
    """The end of the mathematics that a dollar sign opens; `start` if it is a currency's."""
    end = text.find(mark, start, limit)
    if end < 0 or ("\n" in text[start:end] and mark == "$"):
        return start
    amount = text[start : start + 1].isdigit() and text[end - 1 : end].isspace()
    return start if mark == "$" and amount else end + len(mark)


def _ends(text: str, stop: re.Match[str], limit: int) -> bool:
    """Whether a full stop ends a sentence: not after an abbreviation or dots, if the sentence goes on."""
    following = text[stop.end() : min(limit, stop.end() + 12)].lstrip()[:1]
    if stop[0] == ".":
        before = text[max(0, stop.start() - 8) : stop.start()]
        return not (_ABBREVIATION.search(before) and (following.islower() or following.isdigit()))
    if stop[0] == "!" and (following in _OPERATORS or following == "\\"):
        return False  # a factorial
    if set(stop[0]) == {"."}:
        return not (text[stop.start() - 1].isdigit() or following in (",", "")) if stop.start() else True
    return True


def trimmed(text: str, announced: bool = True) -> str:
    """A clause without its reasons, remarks and markdown: `5 (five), since 2 + 3 = 5` is `5`.

    `announced`: the clause begins with the answer, so that a further clause says something else.
    """
    if not text or (text.isascii() and text.isdigit()):
        return text
    for pattern in (_NEXT_LABEL, _DASH, _REMARK, _REASON, *((_NEXT_CLAUSE,) if announced else ())):
        for match in pattern.finditer(text):
            if _VALUE.search(text, 0, match.start()) or (pattern is _REASON and text[: match.start()].strip()):
                text = text[: match.start()]
                break
    return plain(text)


def plain(text: str) -> str:
    """A text without markdown, quotes and punctuation around it."""
    text = _BOLD.sub("", " ".join(text.split())).replace("`", "").strip('*"“” ').lstrip(":;, ")
    if text.count("}") > text.count("{"):
        text = text.removesuffix("}")
    if not text.endswith("..."):
        text = text.rstrip(' .,;:*_"“”')
    for opening, closing in (("__", "__"), ("'", "'"), ("‘", "’")):
        if len(text) > 2 and text.startswith(opening) and text.endswith(closing) and any(map(str.isalnum, text)):
            text = text[len(opening) : -len(closing)].strip()
    return _BRACKETED.sub(r"\1", text)
