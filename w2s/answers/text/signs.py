"""Spells signs of units and currencies as unit names, before they are removed as decoration."""

import re

_SCALE = re.compile(
    r"(?:\^ ?\{?[ {}]*\\circ ?\}?|°|\\degree(?![A-Za-z])|\\textdegree)[\s~{}]*(?:\\(?:mathrm|text|rm|,)[\s~{]*)*"
    r"([CF])(?![A-Za-z])\}?"
)
_DEGREE = re.compile(
    r"(?:\{\})?\^ ?\{ ?(?:\\[,;! ])?(?:\\circ|\\degree|o) ?\}|(?:\{\})?\^ ?\\circ(?![A-Za-z])"
    r"|°|\\degree(?![A-Za-z])|\\textdegree"
)
_PERCENT = re.compile(r"(?<=[\d)}])\s*(?:\\%|%)(?! ?\d)")
_AMOUNT = r"(\d[\d,.]*(?: ?(?:thousand|million|billion|trillion)\b)?)"
_SCALED = re.compile(r"([$€£]\s*-?\d[\d,.]*) ?([kKMB])(?![A-Za-z\d])")
_SCALES = {"k": "thousand", "K": "thousand", "M": "million", "B": "billion"}
"""Of amounts of money: `$3K`."""
_SIGNS = (
    (re.compile(rf"(?:\b(?:US|U\.S\.)\s*)?\\?\$\s*(-?){_AMOUNT}"), r"\1\2 USD "),
    (re.compile(rf"(?:€|\\euro|\bEUR)\s*(-?){_AMOUNT}"), r"\1\2 EUR "),
    (re.compile(rf"(?:£|\\pounds|\bGBP)\s*(-?){_AMOUNT}"), r"\1\2 GBP "),
    (re.compile(rf"(?:¥|\\yen)\s*(-?){_AMOUNT}"), r"\1\2 JPY "),
    (re.compile(rf"₹\s*(-?){_AMOUNT}"), r"\1\2 INR "),
    (re.compile(r"(?<=\d)\s*\\?\$"), " USD "),
    (re.compile(r"(?<=\d)\s*€"), " EUR "),
    (re.compile(r"(?<=\d)\s*£"), " GBP "),
    (re.compile(r"(?<=\d)\s*¥"), " JPY "),
)
_CENTS = re.compile(r"(?<=\d)\s*¢")
_TWICE = re.compile(r"\b(USD|EUR|GBP|percent) +(?:dollars?|US dollars?|USD|euros?|EUR|pounds?|GBP|percent|per cent)\b")
"""`$5 dollars`."""
_FEET = re.compile(r"(?<![\w'])(\d{1,3})' ?(\d{1,2}(?:\.\d+)?)(?:\"|'')(?!\w)")
"""Feet and inches, `5'3"`."""
_TRAILING = re.compile(r"(?<=\d)[.,](?= (?:USD|EUR|GBP|JPY|INR) )")
_SIUNITX = re.compile(
    r"\\(?:(pico|nano|micro|milli|centi|deci|kilo|mega|giga|tera)\s*\\)?(meter|metre|second|gram|newton"
    r"|joule|watt|volt|ampere|ohm|kelvin|mole|pascal|hertz|coulomb|farad|tesla|liter|litre|kilogram)(?![A-Za-z])"
)
_SIUNITX_WORDS = re.compile(r"\\(per|squared|cubed|square|cubic)(?![A-Za-z])")


def spell_out(text: str) -> str:
    """`text` with unit names for signs: `$5` becomes `5 USD`, `50\\%` `50 percent`, `90^\\circ` `90 deg`.

    A dollar sign is a currency where it cannot open or close mathematics: with a backslash, alone, or directly before
    each amount.
    """
    if "°" in text or "circ" in text or "degree" in text or "{o}" in text:
        text = _DEGREE.sub(" deg ", _SCALE.sub(r" deg\1 ", text))
    if "\\" in text:
        text = _SIUNITX_WORDS.sub(r" \1 ", _SIUNITX.sub(r" \1\2 ", text))
    text = _FEET.sub(r"\1 ft \2 in", text) if "'" in text else text
    if "%" in text or "¢" in text:
        text = _CENTS.sub(" cents ", _PERCENT.sub(" percent ", text)).replace("\\%", "%")
    if ("$" in text or not text.isascii()) and not _is_math_mode(text):
        text = _SCALED.sub(lambda amount: f"{amount[1]} {_SCALES[amount[2]]}", text)
    if "$" in text and not _is_math_mode(text):
        text = _SIGNS[0][0].sub(_SIGNS[0][1], text)
        text = _SIGNS[5][0].sub(_SIGNS[5][1], text)
    if (
        not text.isascii()
        or "\\euro" in text
        or "\\pounds" in text
        or "\\yen" in text
        or "EUR" in text
        or "GBP" in text
    ):
        for pattern, spelling in (*_SIGNS[1:5], *_SIGNS[6:]):
            text = pattern.sub(spelling, text)
    if " " in text:
        text = _TRAILING.sub("", _TWICE.sub(r"\1 ", text))
    return text.replace("\\$", "")


def _is_math_mode(text: str) -> bool:
    """Whether the dollar signs of a text enclose mathematics, as in `$5$`."""
    signs = [match.start() for match in re.finditer(r"(?<!\\)\$", text)]
    if len(signs) % 2 or not signs:
        return False
    before_amounts = all(re.match(r"\$\s*-?\d", text[at:]) for at in signs)
    return not before_amounts or any(re.search(r"[\d}\w]$", text[:at]) for at in signs[1::2])
