"""Sequences of letters, `HHT` or `XIV`, and formulas of chemistry, `\\mathrm{C_2H_5OH}`, whose order counts.

Letters without a sign between them are a product only if something says so: a digit, a power, LaTeX, or the variables
of the other side.
"""

import re

from w2s.answers.forms.form import Form
from w2s.answers.forms.words.plain_words import SHORT, is_word
from w2s.answers.text.words import FUNCTION_WORDS

_LETTERS = re.compile(r"[A-Za-z]{2,}")
_ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_ELEMENTS = (
    "He|Li|Be|Ne|Na|Mg|Al|Si|Cl|Ar|Ca|Sc|Ti|Cr|Mn|Fe|Co|Ni|Cu|Zn|Ga|Ge|As|Se|Br|Kr|Rb|Sr|Zr|Nb|Mo|Tc|Ru|Rh|Pd|Ag|Cd|In"
    "|Sn|Sb|Te|Xe|Cs|Ba|La|Ce|Pt|Au|Hg|Tl|Pb|Bi|Po|Rn|Ra|Th|Pu|H|B|C|N|O|F|P|S|K|V|Y|I|W|U"
)
_ATOM = re.compile(rf"({_ELEMENTS}|\(|\)|\[|\])(\d{{0,3}})")
_CHARGE = re.compile(r"\^ ?(?:\{ ?)?(\d?[+-]|[+-]\d?)(?: ?\})?$")


def letters_form(text: str) -> Form | None:
    """Letters without spaces that are no word, as written: `HTT`, `xy`, `XIV`, `ABC`."""
    if not _LETTERS.fullmatch(text):
        return None
    return Form(text, False) if is_sequence(text) else None


def is_sequence(text: str) -> bool:
    """Whether letters are no word: a Roman numeral, names of points (`ABC`), or without a vowel."""
    if not _LETTERS.fullmatch(text) or text.lower() in FUNCTION_WORDS:
        return False
    points = consecutive(text) and (text.isupper() or len(text) > 2) and text.lower() not in SHORT
    return points or (roman(text) is not None and text not in ("MIX", "DIM", "MILD")) or not is_word(text)


def consecutive(text: str) -> bool:
    """Whether the letters, in some order, follow each other in the alphabet, as names of points or variables do."""
    codes = sorted(ord(char) for char in text)
    return (text.isupper() or text.islower()) and codes == list(range(codes[0], codes[0] + len(codes)))


def roman(text: str) -> int | None:
    """The value of a Roman numeral of at least two capital letters; None for any other text."""
    if len(text) < 2 or not text.isupper() or not _ROMAN.fullmatch(text):
        return None
    values = [_ROMAN_VALUES[char] for char in text]
    return sum(-a if a < b else a for a, b in zip(values, (*values[1:], 0), strict=True))


def formula_form(text: str, letters: bool = False) -> Form | None:
    """A chemical formula of two elements or more, `C2H5OH`, `NH4^+`; None for other texts.

    `letters`: a formula may have no number, such as `HCN`, which may be a product of variables.
    """
    if not text[:1].isupper() and text[:1] not in "([":
        return None
    body = re.sub(r"[_{} ]", "", _CHARGE.sub("", text))
    charge = _CHARGE.search(text)
    atoms = _ATOM.findall(body)
    if len(atoms) == 1 and atoms[0] == (body, "") and (letters or charge) and (len(body) == 2 or _ends_in_sign(charge)):
        return Form(body + (f"^{_sign(charge[1])}" if charge else ""), False)  # an element or its ion
    if len(atoms) < 2 or "".join(symbol + count for symbol, count in atoms) != body or body[0] in ")]":
        return None
    elements = [symbol for symbol, _ in atoms if symbol.isalpha()]
    numbered = any(count for _, count in atoms)
    if len(elements) < 2 or any(count in ("1", "0") for _, count in atoms) or body.count("(") != body.count(")"):
        return None
    if (
        not numbered
        and not charge
        and not ((letters and any(len(e) == 1 for e in elements)) or any(len(e) > 1 for e in elements))
    ):
        return None
    if not numbered and not charge and not letters:
        return None
    return Form(body + (f"^{_sign(charge[1])}" if charge else ""), False)


def atoms_of(form: str) -> list[str] | None:
    """The elements of a canonical formula with their numbers, in order; None for any other text."""
    if not form[:1].isupper() and form[:1] not in "([":
        return None
    body = re.sub(r"\^\d?[+-]$", "", form)
    atoms = _ATOM.findall(body)
    if not atoms or "".join(symbol + count for symbol, count in atoms) != body or (len(atoms) == 1 and len(body) < 2):
        return None
    return [symbol + count for symbol, count in atoms] + ([form[len(body) :]] if form != body else [])


def _ends_in_sign(charge: re.Match[str] | None) -> bool:
    """Whether a charge is no power: `2+`, but not `-1`."""
    return charge is not None and charge[1][-1] in "+-"


def _sign(charge: str) -> str:
    """`2+` for `+2`."""
    return charge[::-1] if charge[0] in "+-" and len(charge) > 1 else charge
