"""The second test of equality: whether two expressions with different normal forms have the same value at fixed points.

Rational values are exact, others have 120 digits. Two values agree if they differ by at most 1e-70 of their size, and
are apart if they differ by more than 1e-50.
"""

# mpmath comes without types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from fractions import Fraction
from functools import lru_cache
from itertools import product

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.evaluation import OPEN_BASE, names_in, value_at
from w2s.answers.algebra.functions import ANGLES
from w2s.answers.algebra.parser import parse
from w2s.answers.algebra.points import LOGS, Reading
from w2s.answers.algebra.precision import DIGITS, MAX_BITS, Value, mpmath_context, to_float
from w2s.answers.algebra.tokens import has_words
from w2s.answers.algebra.tree import Node
from w2s.answers.types import Relation

POINTS = 6
"""Of each domain; expressions without variables have one."""


def same_value(a: str, b: str) -> tuple[Relation, str]:
    """Whether two expressions have one value wherever both have a value, and the reason of an `equal`.

    `equal`: they agree at every point of the positive and signed domains, under every reading of `log` and of angles.
    `different`: under every reading they differ for positive variables, and agree under none for whole ones.
    `undecided`: all other pairs, such as sqrt(x^2) and x, which agree only for positive x.
    """
    first, second = _tree(a), _tree(b)
    if first is None or second is None:
        return "undecided", ""
    names = names_in(first) | names_in(second)
    variables = names - {"pi", "e", "i", OPEN_BASE}
    if not variables and _huge(first) != _huge(second):
        return "different", ""
    # By custom, n counts: it is positive.
    domains = ("positive", "any", "whole") if variables else ("positive",)
    domains = ("positive", "whole") if set(variables) == {"n"} else domains
    logs = LOGS if OPEN_BASE in names else ("natural",)
    plain = _has_plain_angle(first), _has_plain_angle(second)
    # Beside an angle such as pi/6, a plain one is in radians.
    angles = (False, True) if any(plain) and not any(map(_has_angle_with_pi, (first, second))) else (False,)
    readings = [Reading(*parts) for parts in product(domains, logs, angles)]
    agreed = {reading: _agree(a, b, reading, POINTS if variables else 1) for reading in readings}
    if variables and (_counts(first) or _counts(second)):  # sums have values only at whole numbers
        agreed = {reading: agreed[reading] for reading in readings if reading.domain == "whole"}
        return ("equal", "the same value at whole numbers") if all(agreed.values()) else ("undecided", "")
    stepped = _has_steps(first) or _has_steps(second)
    if _moduli(first) != _moduli(second):
        agreed = {reading: verdict and None for reading, verdict in agreed.items()}  # the points are real
    if all(verdict for reading, verdict in agreed.items() if reading.domain != "whole" or stepped):
        if not variables:
            return "equal", f"the same value, {DIGITS} digits"
        points = f"{POINTS} points each for positive and signed {', '.join(sorted(variables))}"
        return "equal", f"the same value, {points}"
    apart = all(agreed[reading] is False for reading in readings if reading.domain == "positive")
    agreed_for_whole = any(agreed[reading] for reading in readings if reading.domain == "whole")
    return ("different" if apart and not agreed_for_whole else "undecided"), ""


Size = Fraction | float
"""A real number, irrational ones to 120 digits, or an infinity."""


def size_of(text: str) -> Size | None:
    """The size of a real number, or of `\\infty`, for sorting; None for every other text."""
    plain = text.replace(" ", "").replace("+", "")
    if plain in ("\\infty", "-\\infty"):
        return float("-inf") if plain[0] == "-" else float("inf")
    tree = _tree(text)
    if tree is None or names_in(tree) - {"pi", "e"}:
        return None
    value = _value(text, Reading("positive", "natural", False), 0)
    if isinstance(value, mpmath_context().mpf):
        return Fraction(str(value))
    return value if isinstance(value, Fraction) else None


_READINGS = tuple(Reading("positive", log, degrees) for log in LOGS for degrees in (False, True))


def sizes_of(text: str) -> tuple[complex, ...] | None:
    """The values of a constant expression under every reading, in double precision; None for every other text."""
    tree = _tree(text)
    if tree is None or names_in(tree) - {"pi", "e", "i", OPEN_BASE}:
        return None
    values = [_value(text, reading, 0) for reading in _READINGS]
    try:
        return tuple(complex(to_float(value)) for value in values if value is not None) if None not in values else None
    except OverflowError:
        return None


def _agree(a: str, b: str, reading: Reading, points: int) -> bool | None:
    """True if the values agree wherever both exist, at half of the points or more; False if they differ at a point.

    None if neither is certain.
    """
    agreeing = 0
    for index in range(points):  # one after another, because expressions that differ mostly do at the first
        if (x := _value(a, reading, index)) is None or (y := _value(b, reading, index)) is None:
            continue
        verdict = _close(x, y)
        if verdict is not True:
            return verdict
        agreeing += 1
    return True if 2 * agreeing >= points else None


def _close(x: Value, y: Value) -> bool | None:
    """True if two values are equal, False if they differ, None for a distance between the two limits."""
    if isinstance(x, Fraction) and isinstance(y, Fraction):
        return x == y
    x, y = to_float(x), to_float(y)
    distance, size = abs(x - y), max(abs(x), abs(y))
    context = mpmath_context()
    if distance <= size * context.mpf(10) ** -70:
        return True
    return False if distance > size * context.mpf(10) ** -50 else None


@lru_cache(maxsize=4096)
def _tree(text: str) -> Node | None:
    """The syntax tree of a canonical form; None if the form has words or does not parse."""
    if has_words(text):
        return None
    try:
        return parse(text)
    except NoNormalForm:
        return None


@lru_cache(maxsize=1 << 15)
def _value(text: str, reading: Reading, index: int) -> Value | None:
    tree = _tree(text)
    assert tree is not None
    return value_at(tree, reading, index)


def _has_plain_angle(node: Node) -> bool:
    """Whether a trigonometric function is applied to a plain number, which may mean degrees."""
    if node.op == "function" and node.name in ANGLES and not names_in(node.args[0]):
        return True
    return any(_has_plain_angle(arg) for arg in node.args)


def _has_angle_with_pi(node: Node) -> bool:
    """Whether a trigonometric function is applied to a multiple of pi."""
    if node.op == "function" and node.name in ANGLES and "pi" in names_in(node.args[0]):
        return True
    return any(_has_angle_with_pi(arg) for arg in node.args)


def _counts(node: Node) -> bool:
    """Whether a sum or product runs to a variable."""
    return node.op in ("sum_over", "product_over") or any(_counts(arg) for arg in node.args)


def _has_steps(node: Node) -> bool:
    """Whether whole numbers are special, as for a floor."""
    return node.op in ("floor", "ceil", "mod") or any(map(_has_steps, node.args))


def _moduli(node: Node) -> frozenset[str]:
    """The symbols of complex numbers, by custom, of which an absolute value is taken: |z|^2 is not z^2."""
    inside = names_in(node) & _COMPLEX if node.op == "absolute" else frozenset[str]()
    return inside.union(*map(_moduli, node.args))


_COMPLEX = frozenset(("z", "w", "\\psi", "\\Psi", "\\phi", "\\Phi"))


def _huge(node: Node) -> bool:
    """Whether a power of whole numbers is too large to be computed, and so larger than all that can be."""
    if node.op != "power" or node.args[0].op != "number" or node.args[0].number < 2:
        return False
    exponent = node.args[1]
    size = value_at(exponent, Reading("positive", "natural", False), 0) if not names_in(exponent) else None
    return _huge(exponent) or (isinstance(size, Fraction) and size > MAX_BITS)


def proportional(a: str, b: str) -> bool:
    """Whether `a` is a constant multiple of `b`, neither being 0: then a = 0 and b = 0 are the same equation."""
    first, second = _tree(a), _tree(b)
    if first is None or second is None:
        return False
    if names_in(first) != names_in(second) or not names_in(first) - {"pi", "e", "i"}:
        return False
    for domain in ("positive", "any"):
        reading = Reading(domain, "any base", False)
        values = [(_value(a, reading, index), _value(b, reading, index)) for index in range(POINTS)]
        pairs = [(x, y) for x, y in values if x is not None and y is not None]
        if len(pairs) < POINTS // 2 or any(_close(y, Fraction(0)) is not False for _, y in pairs):
            return False
        ratios = [to_float(x) / to_float(y) for x, y in pairs]
        constant = all(_close(ratio, ratios[0]) is True for ratio in ratios[1:])
        if _close(ratios[0], Fraction(0)) is not False or not constant:
            return False
    return True
