"""The points at which two expressions are compared: one domain and one reading of ambiguous notation at a time.

Points are hashed from a variable's name, so that they are the same for every expression and every run.
"""

import hashlib
from fractions import Fraction
from typing import Literal, NamedTuple

Domain = Literal["positive", "any", "whole"]


LOGS = ("any base", "natural", "decimal")


class Reading(NamedTuple):
    """One way to read what a text leaves open, on one domain."""

    domain: Domain
    """Of the variables: rational numbers in (1/2, 5/2), the same with either sign, or whole numbers from 1 to 9."""
    log: Literal["any base", "natural", "decimal"]
    """The base of a `log` without a base."""
    degrees: bool
    """Whether a trigonometric function of a plain number takes degrees."""


def point(name: str, domain: Domain, index: int) -> Fraction:
    """The value of a variable at a domain's point `index`."""
    digest = hashlib.sha256(f"{name} {index}".encode("utf-8", "surrogatepass")).digest()
    if domain == "whole":
        return Fraction(1 + digest[0] % 9)
    size = Fraction(1, 2) + Fraction(2 * int.from_bytes(digest[1:5]), 2**32 + 15)
    return -size if domain == "any" and (index == 0 or digest[5] % 2) else size
