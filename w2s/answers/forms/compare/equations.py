"""Compares equations and inequalities: the same, certainly another solution set, or undecided."""

import re
from collections.abc import Sequence

from w2s.answers.algebra.errors import NoNormalForm
from w2s.answers.algebra.normal_form import constant_of, polynomial
from w2s.answers.algebra.polynomial import Monomial, Polynomial
from w2s.answers.algebra.same_value import proportional, same_value, size_of
from w2s.answers.algebra.tokens import has_words
from w2s.answers.forms.compare.result import Result

_NORMAL = re.compile(r"[^<>=]+ <=? 0")
_DEFINED = re.compile(r"[A-Za-z]\([a-z]\)")
_FUNCTION = re.compile(r"(?:sin|cos|tan|cot|log|ln|exp)[_(]|mod|floor|ceil")


def compare_equations(left: str, other: str, exact: bool) -> Result:
    """The relation of `left = 0` and `other = 0`.

    Proportional sides are equal. Sides that are not are certainly different for two lines, for two curves y = f(x) with
    different f, and for two polynomials of equal degree. Polynomials of different degrees may have the same solutions,
    as (y - 2x)^2 = 0 and y = 2x have.
    """
    if not exact and proportional(left, other):
        return "equal", "the left sides have one ratio at all points"
    first, second = _polynomial(left), _polynomial(other)
    if first is None or second is None:
        return "undecided", ""
    if first.exact and second.exact and _degree(first) == _degree(second):
        return "different", "polynomials of one degree"
    for name in sorted((_names(first) & _names(second)) | (_applied(first) & _applied(second))):
        solved = _solved(first, name), _solved(second, name)
        if solved[0] is not None and solved[1] is not None and (len(name) == 1 or "(" in name):
            relation = same_value(solved[0], solved[1])[0]
            if relation != "undecided":
                return relation, f"the same {name}" if relation == "equal" else ""
        quotients = _quotient(first, name), _quotient(second, name)
        if None not in quotients and same_value(quotients[0] or "", quotients[1] or "")[0] == "different":
            return "different", ""
    return "undecided", ""


def compare_inequalities(a: str, b: str) -> Result:
    """The relation of `p < 0` and `q <= 0`: different if one turns the other round, or has another bound."""
    if not (_NORMAL.fullmatch(a) and _NORMAL.fullmatch(b)):
        return "undecided", ""
    (left, strict), (other, other_strict) = _sides(a), _sides(b)
    first, second = _polynomial(left), _polynomial(other)
    if first is None or second is None:
        return "undecided", ""
    if str(first) == str(second):
        return (
            "equal" if strict == other_strict else "different"
        ), "the same inequality" if strict == other_strict else ""
    if str(first) == str(-second):
        return "different", ""
    exact = first.exact and second.exact and _degree(first) == _degree(second) and _names(first) == _names(second)
    return ("different" if exact and strict == other_strict else "undecided"), ""


def equation_and_value(left: str, value: str) -> Result:
    """The relation of the equation `left = 0` and a value: different, unless the equation may be meant as the value.

    x + z = 1 is not 1, n = 3k is not 3, |x| = 5 has two solutions; but 2x - y = 0 may be meant as 2x, and sin x = 1/2
    may name 1/2.
    """
    poly = _polynomial(left)
    if poly is None or has_words(left):
        return "undecided", ""
    if size_of(value) is None:
        return _curve_and_value(poly, value)
    names = _names(poly)
    if poly.exact and len(names) > 1:
        return "different", "an equation of several symbols"
    for name in sorted(names):
        solved = _solved(poly, name)
        if solved is not None and same_value(solved, value)[0] == "equal":
            return "equal", f"the value of {name}"
    return ("undecided" if _FUNCTION.search(left) else "different"), ""


def _curve_and_value(equation: Polynomial, value: str) -> Result:
    """Whether an equation, solved for a symbol that the value lacks, gives the value: y - 2x = 0 and 2x."""
    given = _polynomial(value)
    names = None if given is None else _names(given)
    for name in sorted(_names(equation) - (names or set())):
        solved = _solved(equation, name)
        if names and len(name) == 1 and solved is not None:
            relation = same_value(solved, value)[0]
            if relation == "equal":
                return "equal", f"the value of {name}"
            if relation == "different" and names == _names(equation) - {name}:
                return "different", ""
    return "undecided", ""


def solves(values: Sequence[str], left: str) -> bool:
    """Whether values are all the solutions of a polynomial equation in one symbol, each once."""
    poly = _polynomial(left)
    if poly is None or not poly.exact:
        return False
    names = _names(poly)
    if len(names) != 1 or _degree(poly) != len(set(values)):
        return False
    name = next(iter(names))
    for value in values:
        if constant_of(value) is None:
            return False
        inserted = re.sub(rf"(?<![A-Za-z\\]){re.escape(name)}(?![A-Za-z_])", lambda _, value=value: f"({value})", left)
        if same_value(inserted, "0")[0] != "equal":
            return False
    return True


def _polynomial(text: str) -> Polynomial | None:
    try:
        return polynomial(text)
    except NoNormalForm:
        return None


def _names(value: Polynomial) -> set[str]:
    return {atom for monomial in value.terms for atom, _ in monomial.powers if "(" not in atom} - {"pi", "i", "e"}


def _applied(value: Polynomial) -> set[str]:
    """The functions that an equation may define, as f(x) in f(x) = x^2."""
    return {atom for monomial in value.terms for atom, _ in monomial.powers if _DEFINED.fullmatch(atom)}


def _degree(value: Polynomial) -> int:
    return max(sum(e for atom, e in monomial.powers if atom not in ("pi", "i", "e")) for monomial in value.terms)


def _solved(value: Polynomial, name: str) -> str | None:
    """`f` of `name = f`, if `name` stands in one term alone, with a constant factor; else None."""
    letters = r"[A-Za-z](?=\()" if "(" in name else r"[A-Za-z]"
    found = [
        monomial
        for monomial in value.terms
        if any(atom == name or name[0] in re.findall(letters, atom) for atom, _ in monomial.powers)
    ]
    if len(found) != 1 or found[0].powers != ((name, 1),) or found[0].radicand != 1:
        return None
    factor = value.terms[found[0]]
    rest = Polynomial({monomial: -size / factor for monomial, size in value.terms.items() if monomial != found[0]})
    return str(rest)


def _quotient(value: Polynomial, name: str) -> str | None:
    """`f/g` of `g*name = f`, if one term alone has `name`, to its first power; where g = 0 nothing is said."""
    found = [monomial for monomial in value.terms if any(name in atom for atom, _ in monomial.powers)]
    if len(name) != 1 or len(found) != 1 or (name, 1) not in found[0].powers or found[0].radicand != 1:
        return None
    others = Monomial(tuple(power for power in found[0].powers if power[0] != name))
    rest = Polynomial({monomial: -size for monomial, size in value.terms.items() if monomial != found[0]})
    return f"({rest})/({Polynomial({others: value.terms[found[0]]})})"


def _sides(text: str) -> tuple[str, bool]:
    """(left side, whether it is strict) of a canonical inequality `p < 0`."""
    left, mark, _ = re.split(r"(<=|<)", text, maxsplit=1)
    return left.strip(), mark == "<"
