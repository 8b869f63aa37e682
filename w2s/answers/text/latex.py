"""Cleans the text of an answer: removes decoration without meaning and spells synonyms in one way."""

import re

from w2s.answers.text.characters import EN_DASH, plain
from w2s.answers.text.separators import join_thousands
from w2s.answers.text.signs import spell_out
from w2s.answers.text.vectors import spell_vectors
from w2s.answers.text.wrappers import unwrap

_SYNONYMS = {
    **dict.fromkeys(("\\dfrac", "\\tfrac", "\\cfrac", "\\sfrac", "\\nicefrac", "\\flatfrac"), "\\frac"),
    **dict.fromkeys(("\\dbinom", "\\tbinom"), "\\binom"),
    **dict.fromkeys(("\\cdot", "\\ast", "\\bullet"), "*"),
    **dict.fromkeys(("\\quad", "\\qquad", "\\space", "\\thinspace", "\\enspace", "\\hskip", "\\newline"), " "),
    **dict.fromkeys(("\\le", "\\leq", "\\leqslant"), "<="),
    **dict.fromkeys(("\\ge", "\\geq", "\\geqslant"), ">="),
    **dict.fromkeys(("\\vert", "\\lvert", "\\rvert", "\\mid"), "|"),
    **dict.fromkeys(("\\varnothing", "\\O"), "\\emptyset "),
    **dict.fromkeys(("\\ldots", "\\dots", "\\cdots", "\\dotsc", "\\dotsb"), "..."),
    **dict.fromkeys(("\\simeq", "\\cong"), "="),
    **{"\\approx": " ≈ ", "\\ne": "\\neq "},
    **dict.fromkeys(("\\rightarrow", "\\longrightarrow", "\\Rightarrow", "\\rightleftharpoons"), "\\to "),
    **dict.fromkeys(("\\hslash",), "\\hbar "),
    **{"\\varepsilon": "\\epsilon ", "\\varphi": "\\phi ", "\\R": "\\mathbb{R}", "\\Reals": "\\mathbb{R}"},
    **{"\\div": "/", "\\lt": "<", "\\gt": ">", "\\pi": "pi", "\\lbrack": "[", "\\rbrack": "]", "\\colon": ":"},
}
_COMMAND = re.compile(r"\\[A-Za-z]+")
_SPLIT_THOUSANDS = re.compile(r",\\!\s*|\{,\}")
_TIMES = re.compile(r"(?<=\d)[xX](?=10 ?\^)")
_REPEATING = re.compile(
    r"(?<![\d.,])(\d{0,18})\.(\d{0,18})(?:\\overline\s*\{\s*(\d{1,18})\s*\}|\((\d{1,18})\))(?!\d)(?:\.{3})?", re.ASCII
)
_RAISED_FRACTION = re.compile(r"\^ ?\{?(\d+)\}? ?/ ?_ ?\{?(\d+)\}?")
_BLACKBOARD = re.compile(r"\\mathbb\s*\{?\s*([A-Z])\s*\}?")
_SUBSCRIPT = re.compile(r"_ ?\{ *([A-Za-z0-9,' ]*?) *\}")
_DERIVATIVE = re.compile(
    r"\\[dt]?frac ?\{ ?d ?([a-zA-Z]) ?\} ?\{ ?d ?([a-zA-Z]) ?\}|(?<![A-Za-z])d([a-zA-Z])/d([a-zA-Z])(?![A-Za-z])"
)
_AXIS = re.compile(r"\\(?:hat|widehat|vec) ?\{ ?\\?(?:mathbf|bf)? ?\{? ?\\?([ijk])(?:math)? ?\}? ?\}")
_SERIES = re.compile(
    r"\\(sum|prod) ?(?:\\limits)? ?_ ?\{ ?([a-zA-Z]) ?= ?([^{}=]{1,20})\} ?\^ ?(?:\{([^{}]{1,20})\}"
    r"|([A-Za-z\d]|\\[a-z]+))"
)
_OF_A_SET = re.compile(r"(max|min|gcd|lcm) ?⦃([^⦃⦄]*)⦄")
_ROW_SKIP = re.compile(r"\\\\\s*(?:\[[^\]]{0,9}\])?|\\cr(?![A-Za-z])")
_PLAIN_MATRIX = re.compile(r"\\([pbvBV]?matrix)\s*\{([^{}]*)\}")
_ARRAY = re.compile(
    r"\\begin\s*\{(?:array|small[a-z]?matrix)\}\s*(?:\{[^{}]{0,40}\})?|\\end\s*\{(?:array|small[a-z]?matrix)\}"
)
_STEPS = re.compile(r"\\(?:begin|end)\s*\{(?:cases|aligned|align\*?|gathered|split|equation\*?)\}")
_GROUPED = re.compile(r"\{ *\d{1,3}(?:,\d{3})+ *\}")
_BRACED_LETTER = re.compile(r"(?:(?<=^)|(?<=[-+*/(=])|(?<=[\d})\]] )|(?<=[-+*/(=] ))\{ ?([A-Za-z]) ?\}(?= ?[_^])")
"""`{g}_k`, but not `\\vec {g}_k`."""
_MARKDOWN = re.compile(r"^(\*{1,3}|_{2,3}|`{1,3})(.+?)\1$", re.DOTALL)
_BOLD = re.compile(r"(?<![\w)}\]])(?<![\w)}\]] )\*\*(?=[^\s*])([^*]{1,80})(?<=[^\s*])\*\*(?!\w)")
"""Within a text, `answer: **5**`; after a number or a name two stars are a power."""
_END_TOKEN = re.compile(r"(?:</?s>|<\|[a-z_0-9]+\|>|\[/?INST\]|<eos>|<end_of_turn>)\s*$")
_AFTER = re.compile(r"\\(?:blacksquare|square|Box|qed|qedsymbol|checkmark)\s*$|\*{2,}\s*$")
SET_OPEN, SET_CLOSE, ROW = "⦃", "⦄", "⏎"
"""Stand-ins for the braces of a set, `\\{` and `\\}`, and for the end of a matrix row, `\\\\`."""


_FIXED = (
    *(("\\max", "max"), ("\\min", "min"), ("\\{", SET_OPEN), ("\\}", SET_CLOSE)),
    *(("\\lbrace", SET_OPEN), ("\\rbrace", SET_CLOSE)),
    *((mark, "") for mark in ("\\(", "\\)", "\\[", "\\]", "\\!", "{}")),
    *((space, " ") for space in ("\\,", "\\;", "\\:", "\\ ", "\\>")),
)


def clean(text: str) -> str:
    """`text` in one spelling, in time linear in its length.

    Removes math mode, spacing, sizes, fonts, markdown stars and a final full stop; spells Unicode in LaTeX; gives signs
    of units their names (`50 percent`, `90 deg`, `5 USD`); `10,\\!080`, `10{,}080` and `10,080` become 10080.
    """
    if text.isalnum() and text.isascii():
        return text
    text = _without_markdown(plain(text).strip())
    text = spell_out(_SPLIT_THOUSANDS.sub("", text) if "\\!" in text or "{,}" in text else text)
    text = _REPEATING.sub(_fraction, text) if "(" in text or "overline" in text else text
    text = _commands(text) if "\\" in text or "{" in text else text
    text = text.replace("$", "").replace("~", " ").rstrip(" *").replace("**", "^")
    if "_" in text:
        text = _RAISED_FRACTION.sub(r"\\frac{\1}{\2}", _SUBSCRIPT.sub(_subscript, text))
    return join_thousands(_without_braces(_without_edges(_TIMES.sub("*", " ".join(text.split())))))


def _without_markdown(text: str) -> str:
    """`text` without a token that ends a turn, and without the stars, lines and backquotes of markdown."""
    if text and (text[-1] in ">]*" or text[0] in "*_`"):
        text = _END_TOKEN.sub("", text)
        for _ in range(3):
            text = _MARKDOWN.sub(r"\2", text.strip())
    return _BOLD.sub(r"\1", text) if "**" in text else text


def _without_edges(text: str) -> str:
    """`text` without quotation marks, punctuation and an equals sign at its ends; the dots of `0.333...` stay."""
    text = text.strip('"` ')
    text = (text if text.endswith("...") else text.rstrip(".;:, *")).removeprefix("=").strip('"` ')
    return text.strip("' ") if text.startswith("'") else text  # a final ' alone is a prime, as in f'


def _commands(text: str) -> str:
    """`text` with one spelling of each LaTeX command, and without those that say nothing."""
    text = unwrap(_rows(spell_vectors(_AFTER.sub("", text) if len(text) > 1 else text)))
    if "\\frac" in text or "\\hat" in text or "\\vec" in text or "\\widehat" in text or "\\dfrac" in text:
        text = _DERIVATIVE.sub(_derivative, _AXIS.sub(r" \1 ", text))
    if "\\sum" in text or "\\prod" in text:
        text = _SERIES.sub(_series, text)
    for command, spelling in _FIXED:
        text = text.replace(command, spelling)
    text = _OF_A_SET.sub(r"\1(\2)", text) if SET_OPEN in text else text
    text = _COMMAND.sub(lambda command: _SYNONYMS.get(command[0], command[0] + " "), text)
    text = _BLACKBOARD.sub(r"\\mathbb{\1}", text) if "mathbb" in text else text
    text = text.replace("\\mp ", "\\pm ") if "\\pm " not in text else text
    return _BRACED_LETTER.sub(r"\1", text) if "{" in text else text


def _rows(text: str) -> str:
    """One spelling of matrices and of the ends of their rows; the rows of cases and aligned equations are a list."""
    if "\\" not in text:
        return text
    text = _ROW_SKIP.sub(ROW, text)
    if "{" not in text:
        return text
    text = _PLAIN_MATRIX.sub(r"\\begin{\1}\2\\end{\1}", text)
    if "array" in text or "small" in text:
        text = re.sub(r"\\left\s*[(\[]\s*(?=\\begin\s*\{array)|(\\end\s*\{array\})\s*\\right\s*[)\]]", r"\1", text)
        text = re.sub(r"[(\[]\s*(?=\\begin\s*\{array)|(\\end\s*\{array\})\s*[)\]]", r"\1", text)
        text = _ARRAY.sub(lambda mark: f"\\{mark[0][1:4].rstrip('i')}" + "{matrix}", text)
        text = text.replace("\\beg{matrix}", "\\begin{matrix}")
    if _STEPS.search(text):
        text = _STEPS.sub(" ", text).replace("&", " ").strip().removesuffix(ROW).replace(ROW, ", ")
    return text


def _series(match: re.Match[str]) -> str:
    """`\\sum_{k=1}^{n}` without an equals sign: `\\sum[k, 1, n]`."""
    return f"\\{match[1]}[{match[2]}, {match[3].strip()}, {(match[4] or match[5]).strip()}] "


def _derivative(match: re.Match[str]) -> str:
    """`dy/dx` as `y'`, `dy/dt` as `\\dot{y}`."""
    name, variable = match[1] or match[3], match[2] or match[4]
    return f"{name}'" if variable == "x" else f"\\dot{{{name}}}" if variable == "t" else f"{name}_{{d{variable}}}'"


def _fraction(match: re.Match[str]) -> str:
    """`0.1\\overline{6}` as a fraction."""
    whole, fixed, repeated = match[1], match[2], match[3] or match[4]
    over = int(f"{whole}{fixed}{repeated}") - int(f"0{whole}{fixed}")
    return f"{{{over}/{10 ** len(fixed) * (10 ** len(repeated) - 1)}}}"


def _subscript(match: re.Match[str]) -> str:
    """`_{max}` for `_{ max }`, `_1` for `_{1}`."""
    inside = match[1].replace(" ", "")
    return f"_{inside} " if len(inside) == 1 else f"_{{{inside}}}"


def _without_braces(text: str) -> str:
    """`text` without braces round the whole of it, if it is one value: `{5}`, but not `{1,2}`, which may be a set."""
    while len(text) > 2 and text[0] == "{" and text[-1] == "}" and ";" not in text:
        if "," in text and not _GROUPED.fullmatch(text):
            return text
        depth = 0
        for char in text[:-1]:
            depth += (char == "{") - (char == "}")
            if depth == 0:
                return text
        text = text[1:-1].strip()
    return text


__all__ = ["EN_DASH", "ROW", "SET_CLOSE", "SET_OPEN", "clean"]
