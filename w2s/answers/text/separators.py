"""Commas and spaces within numbers: `1,000`, `1 000`, `12,34,567` and `1.234,50` are one number each."""

import re

_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d|,\d)", re.ASCII)
_INDIAN = re.compile(r"(?<![\d.,])\d{1,2}(?:,\d\d)+,\d{3}(?!\d|,\d)", re.ASCII)
_SPACED = re.compile(r"(?<![\d.,] )(?<![\d.,])\d{1,3}(?: \d{3})+(?:\.\d+)?(?![\d.,]| \d)", re.ASCII)
_COMMA_DECIMAL = re.compile(
    r"(?<![\d.,])\d{1,3}(?:\.\d{3})+,\d{1,2}(?![\d.,])|(?<![\d.,])\d{1,3}(?: \d{3})+,\d{1,2}(?!\d|,)", re.ASCII
)
_MONEY = re.compile(" ?(?:USD|EUR|GBP|JPY|INR)\\b")
_ZEROS = re.compile(r",0\d\d")


def join_thousands(text: str) -> str:
    """`text` with each grouped number written without separators.

    In brackets, `(1,234)` may be a point: a comma is removed there only from a group that begins with 0, as in
    `(1,000)`, before a currency, or where other commas have a space and so are the separators of the list.
    """
    if "," not in text:
        return _SPACED.sub(_digits, text) if " " in text else text
    text = _COMMA_DECIMAL.sub(lambda m: m[0].replace(".", "").replace(" ", "").replace(",", "."), text)
    text = _SPACED.sub(_digits, _INDIAN.sub(_digits, text))
    lists_have_spaces = ", " in text
    depth, at = 0, 0
    parts: list[str] = []
    for match in _GROUPED.finditer(text):
        between = text[at : match.start()]
        depth += sum(between.count(mark) for mark in "([⦃{") - sum(between.count(mark) for mark in ")]⦄}")
        parts.append(between)
        number, money = match[0], _MONEY.match(text, match.end())
        parts.append(
            number.replace(",", "") if depth <= 0 or lists_have_spaces or _ZEROS.search(number) or money else number
        )
        at = match.end()
    return "".join((*parts, text[at:]))


def _digits(match: re.Match[str]) -> str:
    return match[0].replace(",", "").replace(" ", "")
