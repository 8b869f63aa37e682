"""The form of a chemical reaction, `2H_2 + O_2 -> 2H_2O`: the substances of each side in one order."""

import re

from w2s.answers.forms.form import Form
from w2s.answers.forms.words.letters import formula_form

_ARROW = re.compile(r"\\to |<?-+>|=")
_SUBSTANCE = re.compile(r"(\d*) ?([A-Z(\[][A-Za-z\d_{}()^+\[\]-]*?)(?: ?\((?:s|l|g|aq)\))?")


def reaction_form(text: str) -> Form | None:
    """`2H2 + O2 -> 2H2O`, sorted on each side; None for a text whose sides are no substances."""
    if "\\to" not in text and "->" not in text:
        return None
    sides = _ARROW.split(text)
    if len(sides) != 2:
        return None
    shown: list[str] = []
    for side in sides:
        substances: list[str] = []
        for part in re.split(r" ?\+ (?=\d*[A-Z(\[])|(?<=[A-Za-z\d}_)]) ?\+ ?(?=\d*[A-Z(\[])", side.strip()):
            match = _SUBSTANCE.fullmatch(part.strip())
            if match is None:
                return None
            form = formula_form(match[2], letters=True)
            substances.append(match[1] + (form.text if form else re.sub(r"[_{}]", "", match[2])))
        shown.append(" + ".join(sorted(substances)))
    return Form(" -> ".join(shown), False)
