"""Signs of units and currencies, which text/latex.py would remove, spelled as unit names first."""

import re

_SIGNS = (
    (
        re.compile(r"(?:\^ ?\{? ?\\circ ?\}?|°|\\degree)[\s~{}]*(?:\\(?:mathrm|text|rm|,)[\s~{]*)*([CF])\b\}?"),
        r" deg\1 ",
    ),
    (re.compile(r"\^ ?\{ ?\\circ ?\}|\^ ?\\circ\b|°|\\degree\b"), " deg "),
    (re.compile(r"(?<=\d)\s*(?:\\%|%)"), " percent "),
    (re.compile(r"\\\$\s*(\d[\d,]*(?:\.\d+)?)"), r"\1 USD "),
    (re.compile(r"^(\s*-?)\$(\d[\d,]*(?:\.\d+)?)\s*$"), r"\1\2 USD"),
    (re.compile(r"(?:€|\\euro)\s*(\d[\d,]*(?:\.\d+)?)"), r"\1 EUR "),
    (re.compile(r"£\s*(\d[\d,]*(?:\.\d+)?)"), r"\1 GBP "),
)


def spell_out(text: str) -> str:
    """`text` with unit names for signs: `$5` becomes `5 USD`, `50\\%` `50 percent`, `90^\\circ` `90 deg`."""
    for pattern, spelling in _SIGNS:
        text = pattern.sub(spelling, text)
    return text
