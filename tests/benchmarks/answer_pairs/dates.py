"""Pairs of dates, ranges, times of day, dimensions and numbers side by side: digits that are not to be computed."""

from fractions import Fraction
from random import Random

from tests.benchmarks.answer_cases import Case
from tests.benchmarks.answer_pairs.pair import (
    decimal,
    different,
    equal,
    not_different,
    not_equal,
    other,
    spelled,
    two,
    undecided,
    whole,
)

MONTHS = "January February March April May June July August September October November December".split()


def dates(rng: Random) -> Case:
    year, month, day = rng.randint(1800, 2030), rng.randint(1, 12), rng.randint(1, 28)
    changed = _changed(rng, year, month, day)
    match rng.randrange(10):
        case 0 | 1 | 2:
            return equal(*two(rng, _dates(year, month, day)))
        case 3:
            return equal(*two(rng, _numeric(year, month, day)))
        case 4 | 5:
            return different(rng.choice(_dates(year, month, day)), rng.choice(_dates(*changed)))
        case 6:
            style = rng.randrange(3)
            sides = _numeric(year, month, day)[style], _numeric(*changed)[style]
            return not_equal(*sides) if changed[1:] == (day, month) else different(*sides)
        case 7:
            return different(f"{year}-{month:02}-{day:02}", str(year - month - day))
        case 8:
            return different(f"{month}/{day}/{year}", f"{Fraction(month, day * year)}")
        case _:
            first, second = rng.randint(200, 999), rng.randint(1000, 9999)
            sides = (str(first - second), f"{first}-{second + rng.choice((1, 10, 100))}", f"{second}-{first}")
            return different(f"{first}-{second}", rng.choice(sides))


def _changed(rng: Random, year: int, month: int, day: int) -> tuple[int, int, int]:
    near = [(year + 1, month, day), (year, month % 12 + 1, day), (year, month, day % 28 + 1)]
    if day <= 12 and day != month:
        near += [(year, day, month)] * 3
    return rng.choice(near)


def _dates(year: int, month: int, day: int) -> list[str]:
    name = MONTHS[month - 1]
    suffix = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return [
        f"{year}-{month:02}-{day:02}",
        f"{name} {day}, {year}",
        f"{day} {name} {year}",
        f"{name[:3]} {day}, {year}",
        f"{name} {day}{suffix}, {year}",
        f"\\text{{{name} {day}, {year}}}",
        f"{name.lower()} {day}, {year}.",
    ]


def _numeric(year: int, month: int, day: int) -> list[str]:
    return [f"{month}/{day}/{year}", f"{month:02}/{day:02}/{year}", f"\\text{{{month}/{day}/{year}}}"]


def ranges(rng: Random) -> Case:
    low = whole(rng)
    high = low + whole(rng)
    unit = rng.choice(("", "", " years", " km", "%", " minutes"))
    mark = rng.choice(("", "", "$")) if not unit else ""

    def text(first: int, second: int, dash: str, unit: str = unit) -> str:
        return f"{mark}{first}{dash}{mark}{second}{unit}"

    dash = rng.choice("-\u2013")
    match rng.randrange(9):
        case 0 | 1:
            return equal(text(low, high, "-"), text(low, high, "\u2013"))
        case 2:
            return not_different(text(low, high, dash), text(low, high, rng.choice((" to ", "--", " \u2013 "))))
        case 3:
            pairs = ((low + 1, high), (low, high + 1), (low + 5, high + 5), (low * 10, high * 10))
            return different(text(low, high, dash), text(*rng.choice(pairs), rng.choice("-\u2013")))
        case 4:
            return different(text(low, high, dash), text(high, low, dash))
        case 5:
            number = rng.choice((low - high, high - low, low, high, low + high))
            return different(text(low, high, dash), f"{number}{rng.choice(('', unit))}")
        case 6:
            return different(text(low, high, dash, " km"), text(low, high, dash, rng.choice((" miles", " hours"))))
        case 7:
            joined = rng.choice("-/").join(map(str, (low, high, low + high)))
            value = low - high - low - high if "-" in joined else Fraction(low, high * (low + high))
            return not_equal(joined, str(value))
        case _:
            pages = rng.choice(("Pages", "pages", "Questions"))
            return different(
                f"{pages} {low}{dash}{high}", rng.choice((str(low - high), f"{pages} {low}{dash}{high + 1}"))
            )


def times(rng: Random) -> Case:
    hour, minute, noon = rng.randint(1, 11), rng.choice((0, 0, 5, 15, 30, 45, 59)), rng.choice("ap")
    changed = rng.choice(
        ((hour % 11 + 1, minute, noon), (hour, (minute + 10) % 60, noon), (hour, minute, "pa"[noon > "a"]))
    )
    match rng.randrange(8):
        case 0 | 1 | 2:
            return equal(*two(rng, _times(hour, minute, noon)))
        case 3 | 4:
            return different(rng.choice(_times(hour, minute, noon)), rng.choice(_times(*changed)))
        case 5:
            clock = f"{hour}:{minute:02}"
            value = Fraction(hour * 60 + minute, 60)
            if minute == 0:
                return undecided(clock, str(hour))
            return different(clock, rng.choice((decimal(value) or str(value), str(value), f"{hour}{minute:02}")))
        case 6:
            return undecided(f"{hour}:{minute:02}", f"{hour + 12}:{minute:02}")
        case _:
            return different(f"{hour}:{minute:02}", f"{hour}:{(minute + 1) % 60:02}")


def _times(hour: int, minute: int, noon: str) -> list[str]:
    full = f"{hour}:{minute:02}"
    day = f"{hour + 12 * (noon == 'p'):02}:{minute:02}"
    short = [f"{hour} {noon}m", f"{hour}{noon}m", f"{hour} {noon}.m."] if minute == 0 else []
    texts = [
        f"{full} {noon}m",
        f"{full} {noon}.m.",
        f"{full}{noon}m",
        f"{full} {noon.upper()}M",
        f"{full}\\text{{ {noon}m}}",
    ]
    return [*texts, *short, *([day] if noon == "p" else [])]


def side_by_side(rng: Random) -> Case:
    first, second = whole(rng), rng.choice((rng.randint(2, 99), rng.randint(1000, 9999)))
    third = whole(rng)
    match rng.randrange(8):
        case 0 | 1:
            results = (first + second, first * second, first, second, first - second)
            return different(f"{first} {second}", str(rng.choice([r for r in results if r not in (0, 1)])))
        case 2:
            return different(f"{first} {second} {third}", str(rng.choice((first + second + third, first, third))))
        case 3:
            return equal(
                f"{first} {second}", rng.choice((f"{first}  {second}", f"${first} {second}$", f"{first} {second}."))
            )
        case 4:
            return different(f"{first} {second}", f"{first} {other(rng, second)}")
        case 5:
            return not_equal(f"{first} {second}", f"{first}{second}")
        case 6:
            part = Fraction(rng.randint(1, 4), 5)
            value = first + part
            return equal(f"{first} {part}", spelled(rng, value))
        case _:
            part = Fraction(rng.randint(1, 4), 5)
            return different(
                f"{first} {part}", spelled(rng, rng.choice((first * part, first - part, first + part + 1)))
            )


def dimensions(rng: Random) -> Case:
    first, second, third = (rng.randint(2, 30) for _ in range(3))
    unit = rng.choice((" inches", " cm", " feet", ""))
    match rng.randrange(6):
        case 0:
            times = rng.choice(("\u00d7", "\\times"))
            return equal(f"{first} x {second}{unit}", f"{first} {times} {second}{unit}")
        case 1:
            return not_equal(f"{first} x {second}{unit or ' cm'}", str(first * second))
        case 2:
            return different(
                f"{first} by {second}{unit}", rng.choice((str(first * second), f"{first} by {second + 1}{unit}"))
            )
        case 3:
            return different(f"{first}x{second} matrix", str(first * second))
        case 4:
            return not_equal(f"{first} x {second} x {third}{unit or ' m'}", str(first * second * third))
        case _:
            return different(f"{first} x {second}{unit}", f"{first} x {second + 1}{unit}")
