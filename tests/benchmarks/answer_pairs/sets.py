"""Pairs of tuples, sets, intervals, unions and inequalities: order, brackets and ends count."""

from random import Random

from tests.benchmarks.answer_cases import Case
from tests.benchmarks.answer_pairs.pair import (
    different,
    equal,
    fraction,
    not_different,
    not_equal,
    other,
    spelled,
    two,
    whole,
)


def tuples(rng: Random) -> Case:
    """Tuples, lists and sets of two to four numbers."""
    values = rng.sample(
        [whole(rng, 0), -whole(rng, 1), rng.randint(30, 99), fraction(rng), rng.randint(200, 300)], rng.randint(2, 4)
    )
    parts = [spelled(rng, value).strip("$") for value in values]
    again = [spelled(rng, value).strip("$") for value in values]
    parts, again = ([part.replace(",", "") for part in side] for side in (parts, again))
    turned = again[1:] + again[:1]
    changed = list(again)
    changed[rng.randrange(len(changed))] = str(rng.randint(400, 500))
    kind = rng.choice(("", "", "TUP"))

    def tuple_(items: list[str]) -> str:
        left, right = rng.choice(
            (("(", ")"), ("\\left(", "\\right)"), ("( ", " )"), ("\\left( ", "\\right)"), ("\\bigl(", "\\bigr)"))
        )
        return f"{left}{rng.choice((', ', ',', ' , ')).join(items)}{right}"

    def set_(items: list[str]) -> str:
        left, right = rng.choice((("\\{", "\\}"), ("\\left\\{", "\\right\\}"), ("\\lbrace ", "\\rbrace")))
        return f"{left}{', '.join(items)}{right}"

    match rng.randrange(11):
        case 0 | 1:
            return equal(tuple_(parts), tuple_(again), kind)
        case 2:
            return different(tuple_(parts), tuple_(turned), kind)
        case 3:
            return different(tuple_(parts), tuple_(changed), kind)
        case 4:
            return equal(set_(parts), set_(turned), rng.choice(("", "SET")))
        case 5:
            return different(set_(parts), set_(changed), rng.choice(("", "SET")))
        case 6:
            return different(tuple_(parts), set_(parts), rng.choice(("", "SET")))
        case 7:
            return different(tuple_(parts), tuple_([*again, rng.choice(again)]), kind)
        case 8:
            pairs = [tuple_(parts[:2]), tuple_([parts[0], changed[0] if changed[0] != again[0] else "777"])]
            return equal(", ".join(pairs), ", ".join(reversed(pairs)), rng.choice(("", "MA")))
        case 9:
            joined = rng.choice((", ", " and ", "; "))
            return equal(joined.join(parts[:2]), ", ".join(reversed(again[:2])), rng.choice(("", "MA")))
        case _:
            return different(", ".join(parts), ", ".join(changed), rng.choice(("", "MA", "TUP", "MPV")))


def intervals(rng: Random) -> Case:
    """Brackets and ends of one interval."""
    low = rng.choice((rng.randint(-50, 50), rng.randint(-5, 5)))
    high = low + rng.randint(1, 40)
    left, right = rng.choice("(["), rng.choice(")]")
    kind = rng.choice(("", "IN"))
    flipped = "[" if left == "(" else "("

    def text(left: str, low: int, high: int, right: str) -> str:
        style = rng.randrange(4)
        middle = rng.choice(
            (f"{low}, {high}", f"{low},{high}", f"{low} , {high}.0", f"{low}, \\frac{{{2 * high}}}{{2}}")
        )
        if style == 0:
            return f"{left}{middle}{right}"
        if style == 1:
            return f"\\left{left}{middle}\\right{right}"
        if style == 2:
            return f"${left}{middle}{right}$"
        return f"x \\in {left}{middle}{right}"

    def inequality(left: str, low: int, high: int, right: str) -> str:
        below, above = (
            "<" if side in "()" else rng.choice(("\\le", "\\leq", "\\leqslant", "≤")) for side in (left, right)
        )
        if rng.random() < 0.3:
            below, above = (sign.replace("<", ">").replace("l", "g", 1).replace("≤", "≥") for sign in (below, above))
            return f"{high} {above} x {below} {low}"
        return f"{low} {below} x {above} {high}"

    match rng.randrange(9):
        case 0 | 1:
            return equal(text(left, low, high, right), text(left, low, high, right), kind)
        case 2:
            return different(text(left, low, high, right), text(flipped, low, high, right), kind)
        case 3:
            mirrored = ("(" if right == ")" else "[", ")" if left == "(" else "]")
            if mirrored == (left, right):
                return different(text(left, low, high, right), text(left, low, high + 1, right), kind)
            return different(text(left, low, high, right), text(mirrored[0], low, high, mirrored[1]), kind)
        case 4:
            low_2, high_2 = rng.choice(((low - 1, high), (low, high * 10 + 1), (-high, -low - 1), (low + 1, high + 1)))
            return different(text(left, low, high, right), text(left, low_2, high_2, right), kind)
        case 5 | 6:
            return equal(text(left, low, high, right), inequality(left, low, high, right), kind)
        case 7:
            return different(text(left, low, high, right), inequality(flipped, low, high, right), kind)
        case _:
            if rng.random() < 0.5:
                return equal(f"]{low}, {high}[", f"({low}, {high})", "IN")
            return different(f"]{low}, {high}[", f"[{low}, {high}]", "IN")


def unions(rng: Random) -> Case:
    """Unions of intervals and the same in inequalities."""
    a = rng.randint(-30, 20)
    b = a + rng.randint(1, 20)
    c = b + rng.randint(1, 20)
    x = rng.choice("xxtyk")
    kind = rng.choice(("", "IN", "IN"))
    cup, joined = rng.choice((" \\cup ", "\\cup", " \u222a ")), rng.choice((" or ", "\\text{ or }", " \\text{or} "))
    match rng.randrange(11):
        case 0:
            return equal(f"(-\\infty, {a}){cup}({b}, \\infty)", f"{x} < {a}{joined}{x} > {b}", kind)
        case 1:
            return equal(f"(-\\infty, {a}]{cup}[{b}, +\\infty)", f"{x} \\le {a}{joined}{x} \\ge {b}", kind)
        case 2:
            return different(
                f"(-\\infty, {a}){cup}({b}, \\infty)",
                rng.choice(
                    (
                        f"{x} \\le {a}{joined}{x} > {b}",
                        f"{x} > {a}{joined}{x} < {b}",
                        f"{x} < {a}{joined}{x} > {b + 1}",
                        f"{a} < {x} < {b}",
                    )
                ),
                kind,
            )
        case 3:
            return equal(f"[{a}, {b}]{cup}{rng.choice('[(')}{b}, {c}]", f"[{a}, {c}]", kind)
        case 4:
            return different(f"[{a}, {b}){cup}({b}, {c}]", f"[{a}, {c}]", kind)
        case 5:
            return equal(f"[{a}, {b}){cup}({b}, {c}]", f"({b}, {c}]{cup}[{a}, {b})", kind)
        case 6:
            return different(
                f"[{a}, {b}){cup}({b}, {c}]",
                rng.choice(
                    (f"[{a}, {b}]{cup}({b + 1}, {c + 1}]", f"[{a}, {b}){cup}({b}, {c})", f"({a}, {b}){cup}({b}, {c}]")
                ),
                kind,
            )
        case 7:
            return equal(
                *two(rng, [f"{x} > {a}", f"{a} < {x}", f"({a}, \\infty)", f"{x} \\in ({a}, +\\infty)", f"{x}>{a}"]),
                kind,
            )
        case 8:
            return different(
                rng.choice((f"{x} > {a}", f"({a}, \\infty)")),
                rng.choice(
                    (
                        f"{x} \\ge {a}",
                        f"[{a}, \\infty)",
                        f"{x} < {a}",
                        f"(-\\infty, {a})",
                        f"{x} > {other(rng, a) if a else 1}",
                    )
                ),
                kind,
            )
        case 9:
            k = abs(a) + 1
            return (
                equal(f"|{x}| < {k}", f"(-{k}, {k})", kind)
                if rng.random() < 0.5
                else different(
                    f"|{x}| < {k}",
                    rng.choice((f"[-{k}, {k}]", f"(0, {k})", f"(-\\infty, -{k}) \\cup ({k}, \\infty)")),
                    kind,
                )
            )
        case _:
            if rng.random() < 0.3:
                return not_different(f"{x} \\ne {a}", f"(-\\infty, {a}){cup}({a}, \\infty)", kind)
            if rng.random() < 0.3:
                return not_equal(f"{x} \\ne {a}", f"{x} \\ne {b}", kind)
            return different(f"(-\\infty, {a}){cup}({a}, \\infty)", "(-\\infty, \\infty)", kind)
