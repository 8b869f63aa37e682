"""Exact roots of integers and fractions."""

from fractions import Fraction
from math import isqrt

_SMALL_PRIMES = tuple(p for p in range(2, 1000) if all(p % q for q in range(2, isqrt(p) + 1)))
_SURE_BELOW = 10**9
"""A number below this that is no square and has no prime factor below 1000 has no square factor at all."""
_MAX_INDEX = 64


def square_free(number: int) -> tuple[int, int] | None:
    """(a, b) with number = a**2 * b, b square-free, for number >= 0; None if b is hard to find (factors above 1e9)."""
    if number == 0:
        return 0, 1
    outside, radicand = 1, 1
    for prime in _SMALL_PRIMES:
        if prime * prime > number:
            break
        while number % (prime * prime) == 0:
            number //= prime * prime
            outside *= prime
        if number % prime == 0:
            number //= prime
            radicand *= prime
    root = isqrt(number)
    if root * root == number:
        return outside * root, radicand
    return (outside, radicand * number) if number < _SURE_BELOW else None


def whole_root(value: Fraction, index: int) -> Fraction | None:
    """The real `index`-th root if it is rational; None if it is irrational or imaginary, or `index` is above 64."""
    if index > _MAX_INDEX or (value < 0 and index % 2 == 0):
        return None
    over, under = _integer_root(abs(value.numerator), index), _integer_root(value.denominator, index)
    if over is None or under is None:
        return None
    return Fraction(-over if value < 0 else over, under)


def _integer_root(number: int, index: int) -> int | None:
    low, high = 0, 1 << (number.bit_length() // index + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**index <= number else (low, middle - 1)
    return low if low**index == number else None
