"""Pairs of numbers: decimals, separators, roundings, percentages, money, bases, powers, functions of whole numbers."""

import math
from fractions import Fraction
from random import Random

from tests.benchmarks.answer_cases import Case
from tests.benchmarks.answer_pairs.pair import (
    decimal,
    different,
    equal,
    fraction,
    not_different,
    not_equal,
    other,
    spellings,
    two,
    undecided,
    whole,
)


def decimals(rng: Random) -> Case:
    """Periods, dots and delimiters beside digits."""
    lead, fixed, period = rng.randint(0, 9), rng.choice(("", "", "1", "04")), str(rng.randint(1, 98))
    if len(set(period)) == 1:
        period = period[0]
    value = lead + Fraction(int(fixed + period) - int(fixed or 0), 10 ** len(fixed) * (10 ** len(period) - 1))
    digits = f"{lead}.{fixed}"
    periodic = [f"{digits}({period})", f"{digits}\\overline{{{period}}}", f"${digits}\\overline{{{period}}}$"]
    number = whole(rng)
    match rng.randrange(9):
        case 0 | 1:
            return equal(rng.choice(periodic), f"{value.numerator}/{value.denominator}")
        case 2:
            return equal(*two(rng, periodic))
        case 3:
            cut = rng.choice((digits + period, digits + period * 3, f"{lead}.{fixed or '0'}", str(lead * int(period))))
            return different(rng.choice(periodic), cut)
        case 4:
            longer = f"{period}{(int(period[0]) + rng.randint(1, 9)) % 10}"
            return different(
                rng.choice(periodic), rng.choice((f"{digits}({longer})", f"{digits}\\overline{{{longer}}}"))
            )
        case 5:
            dots = rng.choice(("...", "…", "\\ldots", "\\dots"))
            text = f"{lead}.{fixed}{period * 6}{dots}"
            if rng.random() < 0.5:
                return not_different(text, f"{value.numerator}/{value.denominator}")
            return different(text, f"{lead}.{fixed}{period * 6}")
        case 6:
            return equal(f"\\left.{number}\\right.", str(number))
        case 7:
            return different(f"\\left.{number}\\right.", rng.choice((f"0.{number}", f".{number}", str(number + 1))))
        case _:
            return equal(
                *rng.choice(
                    (
                        (f".{number}", f"0.{number}"),
                        (f"{number}.", f"{number}"),
                        (f"{lead}.{number}.", f"{lead}.{number}"),
                    )
                )
            )


def thousands(rng: Random) -> Case:
    first, second = rng.randint(1000, 9_999_999), rng.randint(1000, 99_999)
    marks = [
        f"{first:,}",
        f"{first:,}".replace(",", "{,}"),
        f"{first:,}".replace(",", ",\\!"),
        f"{first:,}".replace(",", " "),
    ]
    match rng.randrange(9):
        case 0 | 1:
            return equal(rng.choice(marks), str(first))
        case 2:
            return different(rng.choice(marks), str(other(rng, first)))
        case 3:
            joined = rng.choice(("{}, {}", "{} and {}", "{}; {}"))
            return equal(joined.format(f"{first:,}", f"{second:,}"), f"{first}, {second}")
        case 4:
            return different(f"{first:,}, {second:,}", f"{first:,}, {other(rng, second):,}")
        case 5:
            after = rng.choice(("x", "\\pi", "\\sqrt{2}", "x^2", "/7", ".25"))
            return equal(f"{first:,}{after}", f"{first}{after}")
        case 6:
            name = rng.choice(("x = ", "N=", "f(x) = ", "y = "))
            after = "x" if "(" in name else ""
            return equal(f"{name}{first:,}{after}", f"{name}{first}{after}")
        case 7:
            short = rng.randint(10, 99), rng.randint(10, 99)
            return different(f"{short[0]},{short[1]}", f"{short[0]}{short[1]}")
        case _:
            return equal(f"({rng.choice(marks[1:3])}, 7)", f"({first}, 7)")


def rounding(rng: Random) -> Case:
    """A value and a rounding of it are one answer or two: only the question says."""
    value = rng.choice(
        (fraction(rng) * rng.choice((1, 10, 100)), Fraction(rng.randint(10001, 99999), rng.choice((10, 1000, 10**8))))
    )
    places = rng.randint(2, 4)
    exponent = math.floor(math.log10(value)) - places + 1
    rounded = Fraction(round(value / Fraction(10) ** exponent)) * Fraction(10) ** exponent
    text, short = decimal(value) or str(value), decimal(rounded)
    if rounded == value or short is None or exponent > 0:
        return equal(text, rng.choice(spellings(value)), "NV")
    unit = rng.choice(("", " m", " kg"))
    match rng.randrange(5):
        case 0 | 1:
            return undecided(f"{text}{unit}", f"{short}{unit}", "NV")
        case 2:
            return not_equal(text, short)
        case 3:
            far = value * rng.choice((3, 10, -1, -10))
            return different(f"{short}{unit}", f"{decimal(far) or far}{unit}", "NV")
        case _:
            return equal(f"{short}{unit}", f"{short}{'0' if '.' in short else '.0'}{unit}", "NV")


def percent(rng: Random) -> Case:
    value = rng.choice((Fraction(rng.randint(1, 120)), Fraction(rng.randint(1, 999), 10)))
    text = decimal(value) or ""
    texts = [
        f"{text}%",
        f"{text}\\%",
        f"{text} percent",
        f"{text} %",
        f"${text}\\%$",
        f"{text}\\text{{ percent}}",
        f"{text}\uff05",
    ]
    part = decimal(value / 100) or ""
    changed = decimal(rng.choice((value + 1, value * 10, value / 10, value + Fraction(1, 10))))
    match rng.randrange(7):
        case 0 | 1:
            return equal(*two(rng, [*texts, text]))
        case 2:
            return different(rng.choice(texts), f"{changed}%")
        case 3:
            return undecided(rng.choice(texts), part) if value != 100 else equal("100%", "100")
        case 4:
            return equal(*two(rng, [*texts[:3], part]), "NV")
        case 5:
            distant = decimal(value * rng.choice((2, 3, 10, Fraction(1, 10))))  # neither is a rounding of the other
            return different(rng.choice(texts[:3]), f"{distant}%", "NV")
        case _:
            return not_equal(rng.choice(texts[:3]), text, "NV")


def money(rng: Random) -> Case:
    cents = rng.choice((rng.randint(1, 99) * 100, rng.randint(1, 99999), rng.randint(1000, 99999) * 100))
    amount = Fraction(cents, 100)
    plain = str(cents // 100) if cents % 100 == 0 else f"{cents // 100}.{cents % 100:02}"
    long = f"{cents // 100:,}.{cents % 100:02}"
    texts = [
        f"${plain}",
        f"\\${plain}",
        f"${long}",
        f"\\${long}",
        f"{plain} dollars",
        f"${plain} dollars",
        f"{plain}\\text{{ dollars}}",
    ]
    texts += [f"{plain} USD", f"US${plain}", f"{plain}$"]
    signs = rng.sample((("$", "dollars"), ("€", "euros"), ("¥", "yen")), 2)
    match rng.randrange(9):
        case 0 | 1:
            return equal(*two(rng, texts))
        case 2:
            return equal(rng.choice(texts), rng.choice((plain, long)))
        case 3:
            change = Fraction(other(rng, cents), 100)
            return different(
                rng.choice(texts),
                rng.choice((f"${float(change):.2f}", f"{float(change):,.2f}", f"{float(change):.2f} dollars")),
            )
        case 4:
            return different(rng.choice(texts[:4]), f"{plain} cents")
        case 5:
            return equal(rng.choice(texts[:4]), f"{cents} cents")
        case 6:
            return different(f"{signs[0][0]}{plain}", rng.choice((f"{signs[1][0]}{plain}", f"{plain} {signs[1][1]}")))
        case 7:
            return equal(f"{signs[0][0]}{plain}", f"{plain} {signs[0][1]}")
        case _:
            if rng.random() < 0.5:
                return equal(*two(rng, [f"-${plain}", f"$-{plain}", f"-\\${plain}"]))
            return different(
                f"-${plain}",
                rng.choice((f"${plain}", f"{decimal(amount)}", f"-${plain}0")) if cents % 100 == 0 else f"${plain}",
            )


def bases(rng: Random) -> Case:
    base = rng.choice((2, 2, 3, 5, 8, 9, 12, 16))
    number = rng.randint(base, base**4)
    digits = _digits(number, base)
    texts = [
        f"{digits}_{{{base}}}",
        f"({digits})_{{{base}}}",
        f"{digits} (base {base})",
        f"{digits} base {base}",
        f"\\text{{{digits}}}_{{{base}}}",
    ]
    texts += [f"{digits}_{base}"] if base < 10 else []
    near = _digits(number + rng.choice((1, 2, base)), base)
    match rng.randrange(7):
        case 0 | 1:
            return equal(*two(rng, texts))
        case 2:
            return different(rng.choice(texts), f"{near}_{{{base}}}")
        case 3:
            higher = rng.choice([b for b in (7, 9, 11, 13, 16, 20) if b > base] or [36])
            return different(rng.choice(texts), f"{digits}_{{{higher}}}")
        case 4:
            return equal(rng.choice(texts), f"{number}_{{10}}")
        case 5:
            return different(rng.choice(texts), f"{rng.choice((number + 1, number * 2))}_{{10}}")
        case _:
            turned = digits[::-1]
            if turned != digits and base < 10:
                return different(f"{digits}_{base}", rng.choice((f"{turned}_{base}", f"{digits}{base}")))
            return different(f"{digits}_{{{base}}}", f"{digits}0_{{{base}}}")


def _digits(number: int, base: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, base)
        text = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit] + text
    return text


def powers(rng: Random) -> Case:
    """Large powers, factorials and binomials, and their reciprocals."""
    a, n = rng.randint(2, 13), rng.choice((rng.randint(3, 30), rng.randint(100, 3000)))
    top = rng.choice((rng.randint(4, 12), rng.randint(20, 300)))
    k = rng.randint(2, min(top - 2, 9))
    power = [
        f"{a}^{{{n}}}",
        f"{a}\\cdot {a}^{{{n - 1}}}",
        f"{a * a}^{{{n}/2}}" if n % 2 else f"{a * a}^{{{n // 2}}}",
        f"\\frac{{{a}^{{{n + 3}}}}}{{{a**3}}}",
    ]
    power_near = [
        f"{a}^{{{n + 1}}}",
        f"{a}^{{{n}}}-1",
        f"{a + 1}^{{{n}}}",
        f"-{a}^{{{n}}}",
        f"{a}^{{-{n}}}",
        f"{a}^{{{n}}}+{a}",
        f"{a * n}",
    ]
    factorial = [
        f"{top}!",
        f"{top}\\cdot {top - 1}!",
        f"{top * (top - 1)} \\cdot {top - 2}!",
        f"\\frac{{{top + 1}!}}{{{top + 1}}}",
    ]
    factorial_near = [f"{top + 1}!", f"{top - 1}!", f"{top}!+1", f"2\\cdot {top}!", f"({top}-1)!"]
    binomial = [
        f"\\binom{{{top}}}{{{k}}}",
        f"\\binom{{{top}}}{{{top - k}}}",
        f"{{{top} \\choose {k}}}",
        f"C({top},{k})",
        str(math.comb(top, k)),
        f"\\dbinom{{{top}}}{{{k}}}",
    ]
    wrong = {math.comb(top, k) + 1, math.comb(top, k - 1), math.comb(top + 1, k), top * k, math.perm(top, k)} - {
        math.comb(top, k)
    }
    binomial_near = [str(w) for w in sorted(wrong)]
    if math.comb(top, k - 1) != math.comb(top, k):
        binomial_near.append(f"\\binom{{{top}}}{{{k - 1}}}")
    texts, near = rng.choice(((power, power_near), (factorial, factorial_near), (binomial, binomial_near)))
    match rng.randrange(4):
        case 0:
            return equal(*two(rng, texts))
        case 1:
            return different(rng.choice(texts), rng.choice(near))
        case 2 if texts is not binomial:
            return different(
                f"\\frac{{1}}{{{texts[0]}}}",
                rng.choice((f"\\frac{{1}}{{{near[0]}}}", f"\\frac{{2}}{{{texts[0]}}}", "0")),
            )
        case _ if texts is binomial:
            return different(rng.choice(texts), rng.choice(near))
        case _:
            return equal(f"\\frac{{1}}{{{texts[0]}}}", f"1/({texts[1]})")
