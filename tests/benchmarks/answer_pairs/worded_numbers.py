"""Pairs of numbers in words, and of numbers with words after them that change their value."""

import math
from fractions import Fraction
from random import Random

from tests.benchmarks.answer_cases import Case
from tests.benchmarks.answer_pairs.pair import (
    different,
    equal,
    not_different,
    not_equal,
    other,
    spelled,
    spellings,
)

DIGITS = "zero one two three four five six seven eight nine ten eleven twelve".split()
NOUNS = "apples students marbles cookies pages people cups books tickets flowers boxes birds trees games points".split()
PARTS = {"halves": 2, "thirds": 3, "fourths": 4, "quarters": 4, "fifths": 5, "sixths": 6, "eighths": 8, "tenths": 10}
SCALES = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}


def after_numbers(rng: Random) -> Case:
    """Words after a number that are no unit, beside the number and beside the value they make."""
    n, m = rng.randint(2, 40), rng.randint(2, 12)
    part, scale = rng.choice(list(PARTS)), rng.choice(list(SCALES))
    sure: dict[str, Fraction] = {f"{n} {part}": Fraction(n, PARTS[part]), f"{n} {scale}": Fraction(n * SCALES[scale])}
    sure |= {f"{n}.5 {scale}": (n + Fraction(1, 2)) * SCALES[scale]}
    worded: dict[str, Fraction] = {
        f"{n} squared": Fraction(n**2),
        f"{n} cubed": Fraction(n**3),
        f"{m} factorial": Fraction(math.factorial(m)),
        f"{n} divided by {DIGITS[m]}": Fraction(n, m),
        f"{n} over {DIGITS[m]}": Fraction(n, m),
        f"{n} out of {DIGITS[m]}": Fraction(n, m),
        f"{n} in {DIGITS[m]}": Fraction(n, m),
        f"{n} times {DIGITS[m]}": Fraction(n * m),
        f"{n} plus {DIGITS[m]}": Fraction(n + m),
        f"{n} minus {DIGITS[m]}": Fraction(n - m),
        f"{n} less than {DIGITS[m]}": Fraction(m - n),
        f"{n} more than {DIGITS[m]}": Fraction(m + n),
        f"{n} degrees below zero": Fraction(-n),
        f"{n} below zero": Fraction(-n),
        f"{n} to the power of {DIGITS[m]}": Fraction(n**m),
        f"{n} and a half": n + Fraction(1, 2),
        f"{n} dozens": Fraction(12 * n),
        f"{n} dozen eggs": Fraction(12 * n),
        f"{n} hundred dollars": Fraction(100 * n),
        f"{n} million people": Fraction(n * 10**6),
    }
    words = rng.choice([*sure, *worded, *worded])
    value = sure.get(words) or worded[words]
    compared = (
        f"{n} {rng.choice(('or more', 'or fewer', 'or less', 'at least', 'not possible', 'percent of x', 'choose x'))}"
    )
    noun, noun_2 = rng.sample(NOUNS, 2)
    start = m if "factorial" in words else n
    match rng.randrange(10):
        case 0 | 1 | 2:
            if value == start or words.startswith(f"{n}.5"):
                return different(f"{n}.5 {scale}", f"{n}.5")
            return different(words, str(start))
        case 3:
            text, exact = next(iter(sure.items())) if rng.random() < 0.5 else list(sure.items())[1]
            return equal(text, spelled(rng, exact))
        case 4:
            return not_different(words, spelled(rng, value))
        case 5:
            changed = spelled(rng, value + rng.choice((1, Fraction(1, 2), 12)))
            return different(words, changed) if words in sure else not_equal(words, changed)
        case 6:
            return different(compared, str(n))
        case 7:
            noun = rng.choice((noun, f"red {noun}", f"\\text{{ {noun}}}", f"{noun} per day"))
            return equal(f"{n} {noun}", str(n)) if " " not in noun else not_different(f"{n} {noun}", str(n))
        case 8:
            return different(f"{n} {noun}", str(other(rng, n)))
        case _:
            return not_equal(
                f"{n} {noun}", rng.choice((f"{n} {noun_2}", f"{n} {noun} and {m} {noun_2}", f"{n} dozen {noun}"))
            )


def number_words(rng: Random) -> Case:
    """Numbers and fractions in words."""
    n = rng.randint(0, 999) if rng.random() < 0.7 else rng.randint(1000, 999_999)
    top = rng.randint(2, 11)
    part = rng.choice("thirds fourths fifths sixths sevenths eighths ninths tenths".split())
    bottom = {
        "thirds": 3,
        "fourths": 4,
        "fifths": 5,
        "sixths": 6,
        "sevenths": 7,
        "eighths": 8,
        "ninths": 9,
        "tenths": 10,
    }[part]
    match rng.randrange(6):
        case 0 | 1:
            return equal(
                rng.choice((in_words(n), in_words(n).capitalize(), f"{in_words(n)}.")), rng.choice(spellings(n))
            )
        case 2:
            return different(in_words(n), str(other(rng, n) if n else 10))
        case 3:
            return equal(f"{DIGITS[top]}{rng.choice('- ')}{part}", spelled(rng, Fraction(top, bottom)))
        case 4:
            return different(
                f"{DIGITS[top]}-{part}",
                spelled(rng, rng.choice((Fraction(top + 1, bottom), Fraction(top), Fraction(bottom, top))))
                if top != bottom
                else "2",
            )
        case _:
            return equal(
                rng.choice(("infinity", "Infinity", "\\text{infinity}")), rng.choice(("\\infty", "∞", "+\\infty"))
            )


def in_words(n: int) -> str:
    """A whole number below a million in English."""
    teens = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
    tens = "twenty thirty forty fifty sixty seventy eighty ninety".split()
    if n < 10:
        return DIGITS[n]
    if n < 20:
        return teens[n - 10]
    if n < 100:
        return tens[n // 10 - 2] + (f"-{DIGITS[n % 10]}" if n % 10 else "")
    size, name = (100, "hundred") if n < 1000 else (1000, "thousand")
    rest = n % size
    return f"{in_words(n // size)} {name}{f' {in_words(rest)}' if rest else ''}"
