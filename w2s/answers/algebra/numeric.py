"""The second test: whether two expressions with different normal forms have the same value, at seeded points.

Rational values are exact. Others are computed to 120 digits from the expression's tree; two agree where they differ by less than 1e-70 of
their size, and are apart where they differ by more than 1e-50. No text is evaluated as code; every step and number is bounded.
"""

# mpmath comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import re
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Literal

from w2s.answers.algebra.evaluation import ANGLES, DIGITS, Reading, Value, mpmath_context, names_in, to_float, value_at
from w2s.answers.algebra.expression import FUNCTIONS, Node, parse
from w2s.answers.algebra.polynomial import NoNormalForm

POINTS = 6
"""Of each domain; one where there are no variables."""

_NO_WORD = re.compile(r"\\[A-Za-z]+|pi|sqrt|_\{[^{}]*\}|" + "|".join(FUNCTIONS))
_WORD = re.compile(r"[A-Za-z] ?[A-Za-z]")

Agreement = Literal["equal", "different", "undecided"]


def agreement(a: str, b: str) -> tuple[Agreement, str]:
    """Whether two expressions have one value wherever both have one, and why that is believed.

    `equal`: they agree at every point of every domain, under every reading of `log` and of angles. `different`: under every reading they
    are apart for positive variables, and for whole ones too. Else `undecided`: such as sqrt(x^2) and x, which agree for positive x only.
    """
    one, other = _tree(a), _tree(b)
    if one is None or other is None:
        return "undecided", ""
    names = names_in(one) | names_in(other)
    variables = {name for name in names if name not in ("pi", "e", "i", "log ")}
    domains = ("positive", "any", "whole") if variables else ("positive",)
    logs = ("any base", "natural", "decimal") if "log " in names else ("natural",)
    angles = (False, True) if _plain_angle(one) or _plain_angle(other) else (False,)
    found = {
        r: _agree(a, b, r, POINTS if variables else 1)
        for r in (Reading(*parts) for parts in product(domains, logs, angles))
    }
    if all(verdict for r, verdict in found.items() if r.domain != "whole"):
        count = (
            f"{POINTS} points each for positive and signed {', '.join(sorted(variables))}"
            if variables
            else f"{DIGITS} digits"
        )
        return "equal", f"the same value, {count}"
    apart = all(found[r] is False for r in found if r.domain == "positive") and not any(
        found[r] for r in found if r.domain == "whole"
    )
    return ("different" if apart else "undecided"), ""


def _agree(a: str, b: str, reading: Reading, points: int) -> bool | None:
    """True where the values agree at every point at which both have one, at half of them at least; False where they are apart at one."""
    agreeing = 0
    for x, y in zip(_values(a, reading, points), _values(b, reading, points), strict=True):
        if x is None or y is None:
            continue
        verdict = _close(x, y)
        if verdict is not True:
            return verdict
        agreeing += 1
    return True if 2 * agreeing >= points else None


def _close(x: Value, y: Value) -> bool | None:
    if isinstance(x, Fraction) and isinstance(y, Fraction):
        return x == y
    x, y = to_float(x), to_float(y)
    distance, size = abs(x - y), max(abs(x), abs(y))
    context = mpmath_context()
    if distance <= size * context.mpf(10) ** -70:
        return True
    return False if distance > size * context.mpf(10) ** -50 else None


def has_words(form: str) -> bool:
    """Whether a canonical form has text in it: in an expression's form no two letters stand side by side."""
    return _WORD.search(_NO_WORD.sub("", form)) is not None


@lru_cache(maxsize=4096)
def _tree(text: str) -> Node | None:
    """The tree of a canonical form, None where it is no expression."""
    if has_words(text):
        return None
    try:
        return parse(text)
    except NoNormalForm:
        return None


@lru_cache(maxsize=4096)
def _values(text: str, reading: Reading, points: int) -> tuple[Value | None, ...]:
    tree = _tree(text)
    assert tree is not None
    return tuple(value_at(tree, reading, index) for index in range(points))


def _plain_angle(node: Node) -> bool:
    if node.op == "function" and node.name in ANGLES and not names_in(node.args[0]):
        return True
    return any(_plain_angle(arg) for arg in node.args)


def proportional(a: str, b: str) -> bool:
    """Whether `a` is a constant multiple of `b`, neither of them 0: then the equations a = 0 and b = 0 are the same."""
    one, other = _tree(a), _tree(b)
    if one is None or other is None or names_in(one) != names_in(other) or not names_in(one) - {"pi", "e", "i"}:
        return False
    for domain in ("positive", "any"):
        reading = Reading(domain, "any base", False)
        pairs = [
            (x, y)
            for x, y in zip(_values(a, reading, POINTS), _values(b, reading, POINTS), strict=True)
            if x is not None and y is not None
        ]
        if len(pairs) < POINTS // 2 or any(_close(y, Fraction(0)) is not False for _, y in pairs):
            return False
        ratios = [to_float(x) / to_float(y) for x, y in pairs]
        if _close(ratios[0], Fraction(0)) is not False or any(
            _close(ratio, ratios[0]) is not True for ratio in ratios[1:]
        ):
            return False
    return True
