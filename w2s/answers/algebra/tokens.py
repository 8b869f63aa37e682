"""Tokens of an expression, and the names of functions and Greek letters in it."""

import re

from w2s.answers.algebra.errors import NoNormalForm

FUNCTIONS = tuple("arcsin arccos arctan sinh cosh tanh sin cos tan cot sec csc log ln exp lg cis".split())
"""In this order in a pattern, so that `sinh` is tried before `sin`."""
OF_NUMBERS = tuple("floor ceil gcd lcm max min mod".split())
"""Functions of one or several numbers, separated by commas; `mod` also stands between two numbers."""
GREEK = frozenset(
    (
        *"alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho".split(),
        *"sigma tau phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega".split(),
        *"hbar ell infty".split(),
    )
)
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3}(?![\d.]))?)"
    r"|(?P<name>\\[A-Za-z]+|sqrt|pi|deg(?![A-Za-z])|" + "|".join((*FUNCTIONS, *OF_NUMBERS)) + r"|[A-Za-z])"
    r"|(?P<mark>[-+*/^_(){}\[\]|!',])|(?P<other>\S))",
    re.ASCII,
)
_NAMES = (r"\\[A-Za-z]+", "sqrt", r"_\{[^{}]*\}", *FUNCTIONS, *OF_NUMBERS, r"deg(?![A-Za-z])")
NAME = re.compile("|".join(_NAMES))
"""Letters of an expression that belong together: a command, a function's name or a subscript."""
_NAME_OR_PI = re.compile("|".join((*_NAMES, "pi")))
_TWO_LETTERS = re.compile(r"[A-Za-z] ?[A-Za-z]")


def tokens(text: str) -> list[str]:
    """The tokens of an expression, in order. Raises NoNormalForm for a character that no expression has."""
    found: list[str] = []
    for match in _TOKEN.finditer(text):
        if match["other"]:
            raise NoNormalForm
        found.append(match["number"] or match["name"] or match["mark"])
    return found


def has_words(form: str) -> bool:
    """Whether a canonical form has words; the form of an expression never has two variables side by side."""
    return _TWO_LETTERS.search(_NAME_OR_PI.sub("", form)) is not None
