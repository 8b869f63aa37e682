"""The tree of an expression, which parser.py builds; normal_form.py and evaluation.py give it a value."""

from fractions import Fraction
from typing import NamedTuple


class Node(NamedTuple):
    """One operation of an expression on its arguments.

    `op`: `number` (with `number`); `symbol` and `function` (with `name`; functions have one argument); `sum` and
    `product` of any number of arguments; `negative`; `inverse`; `power` (base, exponent); `root` (index, radicand);
    `factorial`; `choose` (n, k); `absolute`; `degrees`, an angle in radians; `application` of an unknown function
    (`name`), as in f(2); `sum_over` and `product_over` (low, high, term) with `name` as the running symbol; `floor`,
    `ceil`, `gcd`, `lcm`, `max`, `min` and `mod` of numbers.
    """

    op: str
    args: tuple["Node", ...] = ()
    name: str = ""
    number: Fraction = Fraction(0)
