"""A value with its rounding, `10/3 ≈ 3.33`: the exact value counts, and the rounded one is no certain difference."""

from w2s.answers.algebra.normal_form import constant_of
from w2s.answers.algebra.number import number, show
from w2s.answers.forms.form import Form

MARK = "≈"


def approximation_form(text: str) -> Form | None:
    """`10/3 ≈ 333/100`; None if one side of the mark is no constant: `x ≈ 3.33` names a value."""
    left, mark, right = text.rpartition(MARK)
    exact, rounded = constant_of(left.rpartition("=")[2].strip()), number(right.strip())
    if not mark or exact is None or rounded is None or MARK in left:
        return None
    return Form(f"{exact} {MARK} {show(rounded)}", False)


def both_values(form: str) -> tuple[str, str]:
    """(exact, rounded) of a canonical approximation; any other form is its own rounding."""
    exact, mark, rounded = form.partition(f" {MARK} ")
    return exact, rounded if mark else form
