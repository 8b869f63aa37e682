"""The rules that bring an answer of any sort, after `latex.clean`, to its canonical form."""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from w2s.answers.algebra.expression import FUNCTIONS
from w2s.answers.algebra.normal_form import constant_of, polynomial
from w2s.answers.algebra.polynomial import Monomial, NoNormalForm, Polynomial, constant
from w2s.answers.text.latex import SET_OPEN
from w2s.answers.text.number import number, show
from w2s.answers.text.structure import LOOSE_SPACE, enclosed, matrix_rows, relation_sides, split_top, split_unit

MAX_NESTING = 6

NAMED = re.compile(r"[A-Za-z](?: ?_ ?(?:\w+|\{\w+\}))?'?(?: ?\( ?[A-Za-z] ?\))?|\\[A-Za-z]+")
_SYMBOL = re.compile(r"(?!pi$|[ei]$)(?:[A-Za-z]|\\(?!infty)[A-Za-z]+)(?:_(?:\w|\{\w+\}))?")
_MEMBER = re.compile(r"(?:[A-Za-z]|\\[A-Za-z]+) ?\\in (.+)")
_LETTER = re.compile(r"\(? ?([A-Za-z]) ?\)?")
_WORDS = re.compile(r"[A-Za-z][A-Za-z' -]*")
_SCALED = re.compile(r"(.*[\d}]) ?(hundred|thousand|million|billion|trillion)")
_NO_WORD = re.compile(r"\\[A-Za-z]+|sqrt|_\{[^{}]*\}|" + "|".join(FUNCTIONS))
_LETTERS = re.compile(r"[a-z]{3,}", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z]{4}")
_TIME = re.compile(r"(\d+(?: ?: ?\d+)+) ?((?:[ap]\.? ?m\.?)?)", re.IGNORECASE)
_VOWELS = frozenset("aeiouy")
_FUNCTIONS = frozenset(("sqrt", "sin", "cos", "tan", "cot", "sec", "csc", "log", "exp"))
_ORDINAL = re.compile(r"(\d+) ?(?:\^ ?)?(?:\{ ?)?(?:st|nd|rd|th)(?: ?\})?", re.ASCII)
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_ONES = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
)
_TEENS = ("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WRITTEN = {
    **{word: value for value, word in enumerate(_ONES + _TEENS)},
    **{tens: 20 + 10 * index for index, tens in enumerate(_TENS)},
    **{
        f"{tens}-{ones}": 20 + 10 * index + one
        for index, tens in enumerate(_TENS)
        for one, ones in enumerate(_ONES[1:10], 1)
    },
}


class Form(NamedTuple):
    """A canonical form; two different ones that are both `exact` are certainly different answers."""

    text: str
    exact: bool


def any_form(text: str, nesting: int = 0) -> Form:
    """Kind '': whatever the text turns out to be. Raises NoNormalForm where no rule reads it or one of its parts."""
    if (value := number(text)) is not None:
        return Form(show(value), True)
    if (scaled := _SCALED.fullmatch(text)) and (value := number(scaled[1])) is not None:
        return Form(show(value * 10 ** _SCALES[scaled[2]]), True)
    if ordinal := _ORDINAL.fullmatch(text):
        return Form(show(Fraction(ordinal[1])), True)
    if nesting > MAX_NESTING:
        raise NoNormalForm
    for rule in (_matrix, _union, _bracketed, _listed, _related, _worded, _computed):
        if (found := rule(text, nesting + 1)) is not None:
            return found
    raise NoNormalForm


PartForm = Callable[[str, int], Form]


def _matrix(text: str, nesting: int) -> Form | None:
    rows = matrix_rows(text)
    if rows is None:
        return None
    forms = [[any_form(cell, nesting) for cell in row] for row in rows]
    body = " \\\\ ".join(" & ".join(cell.text for cell in row) for row in forms)
    return Form(f"\\begin{{matrix}} {body} \\end{{matrix}}", all(cell.exact for row in forms for cell in row))


def _union(text: str, nesting: int) -> Form | None:
    if member := _MEMBER.fullmatch(text):
        return any_form(member[1], nesting)
    if "\\cup " not in text:
        return None
    parts = {any_form(part.strip(), nesting) for part in text.split("\\cup ")}
    return Form(" \\cup ".join(sorted(p.text for p in parts)), all(p.exact for p in parts))


def _bracketed(text: str, nesting: int) -> Form | None:
    """Tuples and intervals keep order and brackets; sets are sorted, without repetitions and braces."""
    found = enclosed(text)
    if found is None:
        return None
    opening, inside, closing = found
    parts = split_top(inside)
    if opening == SET_OPEN or (opening == "{" and len(parts) > 1):
        return Form("\\emptyset", True) if not inside else sorted_form(parts, nesting, unique=True)
    if len(parts) == 1 or opening == "{":
        return None
    return ordered_form(parts, nesting, opening, closing)


def ordered_form(
    parts: list[str], nesting: int, opening: str = "(", closing: str = ")", part_form: PartForm = any_form
) -> Form:
    """Parts whose order counts."""
    forms = [part_form(part, nesting) for part in parts]
    return Form(opening + ", ".join(f.text for f in forms) + closing, all(f.exact for f in forms))


def _listed(text: str, nesting: int) -> Form | None:
    parts = split_top(text)
    return sorted_form(parts, nesting) if len(parts) > 1 or text.count("\\pm ") == 1 else None


def sorted_form(parts: list[str], nesting: int, unique: bool = False, part_form: PartForm = any_form) -> Form:
    """Several answers in no order: `1 \\pm x` is two; `x=1, y=2` keeps its names, `x=1, x=2` does not need them."""
    parts = [signed for part in parts if part for signed in _both_signs(part)]
    left_sides = [part.partition("=")[0].strip() for part in parts if "=" in part]
    names = {left for left in left_sides if NAMED.fullmatch(left)}
    if not parts or (len(names) > 1 and len(left_sides) < len(parts)):
        raise NoNormalForm
    forms = [_named_form(part, nesting) if len(names) > 1 else part_form(part, nesting) for part in parts]
    texts = [f.text for f in forms]
    return Form(", ".join(sorted(set(texts) if unique else texts)), all(f.exact for f in forms))


def _named_form(part: str, nesting: int) -> Form:
    name, _, value = (side.strip() for side in part.partition("="))
    if not NAMED.fullmatch(name):
        raise NoNormalForm
    return Form(f"{LOOSE_SPACE.sub('', name)} = {any_form(value, nesting).text}", False)


def _both_signs(part: str) -> list[str]:
    return [part.replace("\\pm ", sign) for sign in "+-"] if part.count("\\pm ") == 1 else [part]


def _related(text: str, nesting: int) -> Form | None:
    """`x = 5` is 5, `12 + 7 = 19` is 19; other equations have all on one side; inequalities are intervals, or point to the larger side."""
    sides = relation_sides(text)
    relations = set(sides[1::2])
    if not relations or not all(sides[::2]):
        return None
    if relations == {"="}:
        first, last = sides[0], sides[-1]
        if len(sides) > 3 or NAMED.fullmatch(first) or constant_of(first):
            return any_form(first if constant_of(first) and NAMED.fullmatch(last) else last, nesting)
        return any_form(first, nesting) if NAMED.fullmatch(last) else equation_form(first, last)
    if relations <= {">", ">="}:
        sides = [side.replace(">", "<") if index % 2 else side for index, side in enumerate(sides)][::-1]
    elif not relations <= {"<", "<="}:
        return None
    if (found := interval_form(sides)) is not None:
        return found
    return Form(
        " ".join(side if index % 2 else any_form(side, nesting).text for index, side in enumerate(sides)), False
    )


def equation_form(left: str, right: str) -> Form | None:
    """left - right = 0 with leading coefficient 1; an equation that says what one symbol is becomes that value."""
    try:
        difference = polynomial(left) - polynomial(right)
        terms = difference.ordered()
        if not terms or difference.constant is not None:
            return None
        if (shared := _denominators(difference)) is not None:
            difference = difference * shared
            terms = difference.ordered()
        scaled = difference * constant(1 / terms[0][1])
    except NoNormalForm:
        return None
    monomial = terms[0][0]
    rest = Polynomial({m: -c for m, c in scaled.terms.items() if m != monomial})
    if scaled.exact and monomial.radicand == 1 and [e for _, e in monomial.powers] == [1] and rest.constant is not None:
        return Form(str(rest), scaled.exact)
    return Form(f"{scaled} = 0", scaled.exact)


def interval_form(sides: list[str]) -> Form | None:
    """`2 < x <= 5` as `(2, 5]`, `2x < 6` as `(-\\infty, 3)`; other single inequalities as `p < 0`; None for what is neither.

    `sides`: expressions and `<` or `<=` in turn.
    """
    if len(sides) == 5 and _SYMBOL.fullmatch(sides[2]):
        ends = [constant_of(side) for side in sides[::4]]
        if ends[0] is None or ends[1] is None:
            return None
        brackets = "[" if sides[1] == "<=" else "(", "]" if sides[3] == "<=" else ")"
        return Form(f"{brackets[0]}{ends[0]}, {ends[1]}{brackets[1]}", ends[0].exact and ends[1].exact)
    try:
        difference = polynomial(sides[0]) - polynomial(sides[2]) if len(sides) == 3 else constant(0)
        terms = difference.ordered()
        if not terms or difference.constant is not None:
            return None
        monomial, coefficient = terms[0]
        scaled = difference * constant(1 / abs(coefficient))
    except NoNormalForm:
        return None
    rest = Polynomial({m: -c for m, c in scaled.terms.items() if m != monomial})
    if (
        monomial.radicand == 1
        and [e for _, e in monomial.powers] == [1]
        and rest.is_constant
        and _SYMBOL.fullmatch(str(monomial))
    ):
        closed = sides[1] == "<="
        text = (
            f"(-\\infty, {rest}{']' if closed else ')'}"
            if coefficient > 0
            else f"{'[' if closed else '('}{-rest}, \\infty)"
        )
        return Form(text, rest.exact)
    return Form(f"{scaled} {sides[1]} 0", False)


def _denominators(value: Polynomial) -> Polynomial | None:
    """What clears the negative powers of a polynomial's atoms, None where it has none: y = 1/x is xy = 1."""
    lowest: dict[str, int] = {}
    for monomial in value.terms:
        for atom, exponent in monomial.powers:
            if "(" not in atom:  # a factor that is not constant would hide two proportional equations
                lowest[atom] = min(lowest.get(atom, 0), exponent)
    found = None
    for atom, exponent in lowest.items():
        if exponent < 0:
            factor = Polynomial({Monomial(((atom, -exponent),)): Fraction(1)})
            found = factor if found is None else found * factor
    return found


def _worded(text: str, nesting: int) -> Form | None:
    """Choice letters, times of day and plain words, in lower case."""
    if text == "\\emptyset":
        return Form(text, True)
    if match := _LETTER.fullmatch(text):
        return Form(match[1].lower(), True)
    if match := _TIME.fullmatch(text):
        half = re.sub(r"[^apm]", "", match[2].lower())
        return Form(match[1].replace(" ", "") + half, bool(half))  # 3:4 may be a ratio
    if _WORDS.fullmatch(text):
        words = [word for word in text.lower().split() if word not in ("a", "an", "the")]
        long = any(len(part) >= 3 and not _VOWELS.isdisjoint(part) for word in words for part in re.split("[-']", word))
        edges = {"and", "or"}.intersection((*words[:1], *words[-1:]))
        if long and not edges and not _FUNCTIONS.intersection(words) and words[0][0].isalpha():
            written = _WRITTEN.get(" ".join(words))
            # Phrases may say one thing in many ways, and a short word may be a product of variables.
            return Form(" ".join(words) if written is None else str(written), len(words) == 1 and len(words[0]) > 3)
    return None


def _computed(text: str, nesting: int) -> Form | None:
    """Expressions; unit words after a number are dropped."""
    body, _ = split_unit(text)
    if body != text and (value := number(body)) is not None:
        return Form(show(value), True)
    if body != text and (value := constant_of(body)):
        return Form(str(value), value.exact)
    if any(not set("aeiou").isdisjoint(word) for word in _LETTERS.findall(_NO_WORD.sub(" ", text))):
        return None  # `4 july`, `2 of 3`: words, no products of letters
    try:
        value = polynomial(text)
    except NoNormalForm:
        return None
    shown = str(value)
    return Form(shown.lower() if len(shown) == 1 else shown, value.exact)


def expression_form(text: str) -> Form | None:
    """An expression in which letters are variables, upper and lower case apart; None where it is none or has words in it."""
    if _WORD.search(_NO_WORD.sub("", text)):
        return None
    try:
        value = polynomial(text)
    except NoNormalForm:
        return None
    return Form(str(value), value.exact)


def text_form(text: str) -> Form:
    """What no rule reads: the text itself, spaces only where they part words."""
    return Form(LOOSE_SPACE.sub("", " ".join(text.split())), False)
