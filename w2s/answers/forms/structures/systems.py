"""The form of bounds on several symbols, `x \\ge 3, y < 2`: which symbol has which bound is kept."""

import re

from w2s.answers.algebra.same_value import size_of
from w2s.answers.forms.form import Form, PartForm
from w2s.answers.forms.structures.unions import symbols_of
from w2s.answers.text.brackets import enclosed, split_top

_AND, _OR = "\\land ", "\\lor "
_SEPARATOR = re.compile(r"(,? or |\\lor )|,? and |, ?(?![^()\[\]]*[)\]])|\\land ")
_BOUND = re.compile(r"[<>]|\\land|\\lor")
_MEMBER = re.compile(r"([A-Za-z](?:_\w)?) ?\\in (.+)")


def system_form(text: str, nesting: int, part_form: PartForm) -> Form | None:
    """`x \\in [3, \\infty) \\land y \\in (-\\infty, 2)`, sorted by symbol; `x > 0 and x < 3` is an interval.

    None for parts that are no bounds of a symbol, and for two bounds of one symbol that have nothing in common.
    """
    if not _BOUND.search(text) or not (separators := list(_SEPARATOR.finditer(text))):
        return None
    joints = {bool(separator[1]) for separator in separators}
    parts = [part.strip() for part in _SEPARATOR.sub("\0", text).split("\0")]
    bounds: dict[str, Form] = {}
    for part in parts:
        member, symbols = _MEMBER.fullmatch(part), symbols_of([part])
        if member is None and len(symbols) != 1:
            return None
        name = member[1] if member else symbols.pop()
        form = part_form(member[2] if member else part, nesting)
        form = _both(bounds[name], form) if name in bounds and True not in joints else form
        if form is None or form.text[0] not in "([" or (name in bounds and True in joints):
            return None
        bounds[name] = form
    if len(bounds) == 1:
        return next(iter(bounds.values()))
    if len(joints) > 1 or len(bounds) < 2:
        return None
    joint = f" {_OR if True in joints else _AND}"
    return Form(
        joint.join(f"{name} \\in {bounds[name].text}" for name in sorted(bounds)),
        all(form.exact for form in bounds.values()),
    )


def _both(first: Form, second: Form) -> Form | None:
    """The interval between two half-lines, `x > 0 and x < 3`; None for other bounds."""
    low, high = sorted((first, second), key=lambda form: "-\\infty" in form.text)
    ends = [enclosed(form.text) for form in (low, high)]
    if not ends[0] or not ends[1] or " \\cup " in low.text + high.text:
        return None
    (low_end, *above), (*below, high_end) = split_top(ends[0][1]), split_top(ends[1][1])
    sizes = size_of(low_end), size_of(high_end)
    if above != ["\\infty"] or below != ["-\\infty"] or None in sizes or not sizes < sizes[::-1]:
        return None
    return Form(f"{ends[0][0]}{low_end}, {high_end}{ends[1][2]}", first.exact and second.exact)


def bounds_in(form: str) -> tuple[str, list[str]] | None:
    """(`and` or `or`, the bounds) of a canonical system; None for any other form."""
    for word, joint in (("and", _AND), ("or", _OR)):
        if joint in form:
            return word, form.split(f" {joint}")
    return None
