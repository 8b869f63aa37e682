"""Names before a value: `x = 5`, `f(x) = 2x`, `v_{max} = 3`, `KE = 5`, `\\angle ABC = 30`, `(p, q) = (3, 2)`."""

import re

_GREEK = (
    r"\\(?!frac|sqrt|sin|cos|tan|log|ln|exp|begin|binom|pm|mp|infty|in\b|cup|cap|neq|to\b|lfloor|lceil|int|sum|prod)"
    r"[A-Za-z]+ ?"
)
_ACCENT = r"\\(?:hat|bar|overline|tilde|dot|ddot|widehat|mathbf|mathcal|mathscr|mathbb) ?\{? ?"
_SUBSCRIPT = r"(?: ?_ ?(?:\w|\\[A-Za-z]+ ?|\{[^{}=]{1,30}\}))?"
_SUPERSCRIPT = r"(?: ?\^ ?\{? ?(?:\*|\\prime|deg) ?\}?| deg)?"
_ARGUMENTS = r"(?: ?\( ?[^()=<>]{1,30} ?\)| ?\[ ?[^\[\]=<>]{1,30} ?\])?"
_LETTER = rf"(?:{_ACCENT}[A-Za-z] ?\}}?|{_ACCENT}{_GREEK}\}}?|{_GREEK}|[A-Za-z]|pH|pOH|[A-Z]{{2,4}}|\\Delta ?[A-Z])"
_ONE = rf"{_LETTER}(?: deg ?(?=_))?{_SUBSCRIPT}'{{0,2}}{_SUPERSCRIPT}{_ARGUMENTS}"
QUANTITY_NAME = re.compile(
    r"(?:\\sigma ?|\\chi ?|R) ?\^ ?\{? ?2 ?\}?|\\det ?\(? ?[A-Z] ?\)?|"
    rf"{_ONE}|\|\\vec ?\{{? ?[A-Za-z] ?\}}?\||m? ?\\(?:angle|triangle|measuredangle) ?[A-Za-z]{{1,4}}"
    r"|\| ?(?:\\overline ?\{ ?)?[A-Z]{2} ?\}? ?\||[A-Za-z] ?\^ ?\{? ?-1 ?\}? ?\( ?[a-z] ?\)"
    r"|(?:Var|Cov|SD|Std|Pr|deg|dim|rank|tr|arg|Re|Im) ?\( ?[^()=<>]{1,30} ?\)"
    rf"|\\lim ?_ ?\{{[^{{}}]*\}} ?{_ONE}|[A-Z][A-Z]?_\{{?[A-Za-z\d]+\}}?:[A-Z]\w{{0,3}}"
)
"""The left side of `x = 5`, `f(x) = 2x`, `v_{max} = 3` or `\\theta = 1`: the name of a quantity."""
_EVENT = r"P ?\( ?[A-Z] ?[<>=]{1,2} ?-?[\d./]{1,20} ?\)"
_APPLICATION = re.compile(rf"[A-Za-z]'? ?\( ?-?[\d.,/ ]+ ?\)|{_EVENT}")
_TUPLE = re.compile(r"\( ?[A-Za-z](?:_\w)?(?: ?, ?[A-Za-z](?:_\w)?)+ ?\)")
_LONG_NAME = re.compile(
    r"(?:the )?(?:[a-z]+ )*(?:value|answer|result|total|sum|product|area|volume|number|probability|length"
    r"|distance|perimeter|slope|limit|radius|cost|price|speed|average|maximum|minimum|ratio)(?: of [A-Za-z\\() ]+)?",
    re.IGNORECASE,
)


def is_name(text: str) -> bool:
    """Whether the left side of an equation only names the value on its right."""
    if _TUPLE.fullmatch(text):
        return True
    if QUANTITY_NAME.fullmatch(text) is None:
        return bool(_LONG_NAME.fullmatch(text)) or is_application(text)
    return text.strip() not in ("e", "i", "pi") and not text.startswith("\\vec")


def is_application(text: str) -> bool:
    """Whether a name is a function at a number, `f(2)`, which is kept: f(2) = 5 and f(3) = 5 are not one answer."""
    return _APPLICATION.fullmatch(text) is not None


def is_derivative(text: str) -> bool:
    """Whether a name is a derivative of a variable: `y'` or `\\dot{x}`."""
    return re.fullmatch(r"[a-z]'+|\\d{1,3}ot ?\{? ?[a-z] ?\}?", text) is not None


def is_kept(text: str) -> bool:
    """Whether a name says more than which quantity: f(2), a derivative `f'(x)`, a later term `a_{n+1}`."""
    return is_application(text) or "'" in text or "\\dot" in text or re.search(r"_\{[^{}]*[-+]", text) is not None
