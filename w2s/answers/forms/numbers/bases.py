"""Numbers of another base: `101_2`, `(101)_{2}`, `1001 base 2`, `2B_{12}`."""

import re
from fractions import Fraction

from w2s.answers.forms.form import Form

_SUBSCRIPT = re.compile(r"\(?([0-9A-Z]+(?:\.[0-9A-Z]+)?)\)? ?_ ?\{? ?(\d{1,2}|two|eight|ten|sixteen) ?\}?")
_WORDS = re.compile(r"([0-9A-Z]+(?:\.[0-9A-Z]+)?) ?(?:\( ?)?(?:in )?base[- ]?(\d{1,2}|two|eight|ten|sixteen)(?: ?\))?")
_NAMES = {"two": "2", "eight": "8", "ten": "10", "sixteen": "16"}


def base_form(text: str) -> Form | None:
    """`101_2` for a number of another base; None for a digit that its base lacks, and for a single letter: `B_{12}`."""
    match = _SUBSCRIPT.fullmatch(text.replace(" ", "")) or _WORDS.fullmatch(text)
    if match is None or (len(match[1]) == 1 and match[1].isalpha()):
        return None
    digits, base = match[1].lstrip("0") or "0", _NAMES.get(match[2], match[2])
    digits = f"0{digits}" if digits.startswith(".") else digits
    form = f"{digits}_{base}" if len(base) == 1 else f"{digits}_{{{base}}}"
    return None if value_in_base(form) is None else Form(form, False)


def value_in_base(form: str) -> Fraction | None:
    """The value of a canonical number of another base; None for any other text."""
    match = _SUBSCRIPT.fullmatch(form)
    if match is None or (len(match[1]) == 1 and match[1].isalpha()):
        return None
    base = int(_NAMES.get(match[2], match[2]))
    if not 2 <= base <= 36 or len(match[1]) > 200:
        return None
    whole, _, decimals = match[1].partition(".")
    try:
        return Fraction(int(whole + decimals, base), base ** len(decimals))
    except ValueError:
        return None


def digits_of(form: str) -> str:
    """The digits of a canonical number of another base, without its base."""
    return form.partition("_")[0]
