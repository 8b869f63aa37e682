# ruff: noqa: RUF001 (the table below is about look-alike characters)
"""Cleans the LaTeX of an answer: removes decoration without mathematical meaning and spells synonyms in one way."""

import re

_SYNONYMS = {
    **dict.fromkeys(("\\dfrac", "\\tfrac", "\\cfrac"), "\\frac"),
    **dict.fromkeys(("\\cdot", "\\times", "\\ast"), "*"),
    **dict.fromkeys(
        ("\\left", "\\right", "\\big", "\\Big", "\\bigl", "\\bigr", "\\Bigl", "\\Bigr", "\\bigg", "\\Bigg"), ""
    ),
    **dict.fromkeys(("\\displaystyle", "\\circ", "\\degree", "\\limits", "\\boldsymbol"), ""),
    **dict.fromkeys(("\\quad", "\\qquad", "\\space", "\\thinspace"), " "),
    **dict.fromkeys(("\\le", "\\leq", "\\leqslant"), "<="),
    **dict.fromkeys(("\\ge", "\\geq", "\\geqslant"), ">="),
    **dict.fromkeys(("\\vert", "\\lvert", "\\rvert", "\\mid"), "|"),
    **dict.fromkeys(("\\varnothing",), "\\emptyset"),
    **dict.fromkeys(("\\ldots", "\\dots", "\\cdots"), "..."),
    **dict.fromkeys(("\\approx", "\\simeq", "\\cong"), "="),
    "\\div": "/",
    "\\lt": "<",
    "\\gt": ">",
    "\\pi": "pi",
}
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WRAPPER = re.compile(
    r"\\(?:text|textbf|textit|textrm|texttt|mathrm|mathbf|mathit|mathsf|mbox|hbox|operatorname|overline|boxed|fbox"
    r"|rm|bf|it)\b\s*\{([^{}]*)\}"
)
_CHARACTERS = str.maketrans(
    {
        **dict.fromkeys("−–—‐‑", "-"),
        **dict.fromkeys("×·⋅∙", "*"),
        **dict.fromkeys("$€£¥°\u200b\ufeff", ""),
        **{
            "÷": "/",
            "⁄": "/",
            "∕": "/",
            "π": "pi",
            "∞": "\\infty",
            "≤": "<=",
            "≥": ">=",
            "≈": "=",
            "∪": "\\cup ",
            "∈": "\\in ",
            "±": "\\pm ",
        },
        **{
            "²": "^2",
            "³": "^3",
            "½": "\\frac12",
            "¼": "\\frac14",
            "¾": "\\frac34",
            "√": "\\sqrt",
            "∅": "\\emptyset",
            "θ": "\\theta",
        },
        **{"\u00a0": " ", "\u202f": " ", "\t": " ", "\n": " ", "‘": "'", "’": "'", "“": '"', "”": '"'},
    }
)
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])", re.ASCII)
_SPLIT_THOUSANDS = re.compile(r",\\!\s*|\{,\}")
_TIMES = re.compile(r"(?<=\d) [xX] (?=\.?\d)|(?<=\d)[xX](?=10 ?\^)")
_REPEATING = re.compile(r"(?<![\d.,])(\d{0,18})\.(\d{0,18})\\overline\s*\{\s*(\d{1,18})\s*\}(?!\d)", re.ASCII)
SET_OPEN, SET_CLOSE, ROW = "⦃", "⦄", "⏎"
"""Stand-ins for the braces of a set, `\\{` and `\\}`, and for the end of a matrix row, `\\\\`."""


def clean(text: str) -> str:
    """`text` in one spelling, in time linear in its length.

    Removes dollar signs, math mode, spacing, sizes, degree, percent and currency signs, and a final full stop; unwraps
    `\\text{}` and similar commands; `10,\\!080`, `10{,}080` and `10,080` become 10080.
    """
    text = _REPEATING.sub(_fraction, text.replace("\\$", "").translate(_CHARACTERS))
    text = _SPLIT_THOUSANDS.sub("", text).replace("\\\\", ROW).replace("\\{", SET_OPEN).replace("\\}", SET_CLOSE)
    for mark in ("\\(", "\\)", "\\[", "\\]", "\\!", "\\%", "%", "^{\\circ}", "^\\circ"):
        text = text.replace(mark, "")
    for space in ("\\,", "\\;", "\\:", "\\ ", "~"):
        text = text.replace(space, " ")
    for _ in range(3):
        text = _WRAPPER.sub(r" \1 ", text)
    text = _COMMAND.sub(lambda command: _SYNONYMS.get(command[0], command[0] + " "), text)
    text = _TIMES.sub("*", " ".join(text.split())).strip('"` ').rstrip(".;:, ").removeprefix("=").strip('"` ')
    text = text.strip("' ") if text.startswith("'") else text  # a final ' alone is a prime, as in f'
    return text if _bracketed(text) else _THOUSANDS.sub(lambda m: m[0].replace(",", ""), text)


def _fraction(match: re.Match[str]) -> str:
    """`0.1\\overline{6}` as a fraction."""
    whole, fixed, repeated = match.groups()
    over = int(f"{whole}{fixed}{repeated}") - int(f"0{whole}{fixed}")
    return f"{{{over}/{10 ** len(fixed) * (10 ** len(repeated) - 1)}}}"


def _bracketed(text: str) -> bool:
    return any(mark in text for mark in "([" + SET_OPEN)
