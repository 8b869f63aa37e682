"""Pairs that look alike letter by letter: calculations with words, applications, marks on letters, commas, and/or."""

from fractions import Fraction
from random import Random

from tests.benchmarks.answer_cases import Case
from tests.benchmarks.answer_pairs.pair import different, equal, not_different, not_equal, other, two, whole

THINGS = "apples cookies dollars minutes students cm km kg hours pages".split()
MARKS = (
    "{}'",
    "\\dot{{{}}}",
    "\\bar{{{}}}",
    "\\overline{{{}}}",
    "\\hat{{{}}}",
    "\\tilde{{{}}}",
    "{}^*",
    "\\Delta {}",
    "|{}|",
)
LARGE = "crore lakh grand millionths hundredths pairs tenfold".split()


def calculations(rng: Random) -> Case:
    """A calculation with its result, which alone counts; a noun, unit or sign beside it is no variable."""
    a, b = whole(rng), whole(rng)
    thing = rng.choice(THINGS)

    def text(first: int, second: int, style: int) -> str:
        total = first + second
        return (
            f"{first} + {second} = {total}",
            f"{first} + {second} = {total} {thing}",
            f"{first}+{second}={total} {thing}",
            f"{first} + {second} = ${total}",
            f"${first} + ${second} = ${total}",
            f"Total = {first} + {second} = {total} {thing}",
            f"{total} - {second} = {first} {thing}",
            f"{total * second} / {second} = {total} {thing}",
            f"n = {total} {thing}",
            f"{total} {thing} = {total}",
        )[style]

    style = rng.randrange(10)
    value = a if style == 6 else a + b
    match rng.randrange(5):
        case 0:
            return equal(text(a, b, style), str(value)) if style < 9 else not_different(text(a, b, style), str(value))
        case 1:
            return different(text(a, b, style), str(other(rng, value)))
        case 2:
            return equal(*two(rng, [text(a, b, 0), text(b, a, 0), text(a, b, 1), f"{a + b} {thing}"]))
        case _:
            return different(text(a, b, style), text(a + rng.randint(1, 9), b, style))


def applications(rng: Random) -> Case:
    """A function applied to something is no product with it."""
    f, x = rng.choice("fghFGT"), rng.choice("xtyz")
    n = rng.randint(2, 12)
    greek = rng.choice(("\\phi", "\\sigma", "\\zeta", "\\Gamma", "\\tau", "\\mu"))
    kind = rng.choice(("", "EX"))
    wrong = (
        (f"{f}({n}{x})", f"{n}{f}({x})"),
        (f"{f}({x})", f"{f}{x}"),
        (f"{f}(-{x})", f"-{f}({x})"),
        (f"{f}({x}+{n})", f"{f}({x})+{n}"),
        (f"{f}({x}^{n})", f"{f}({x})^{n}"),
        (f"{f}^{{-1}}({x})", f"\\frac{{1}}{{{f}({x})}}"),
        (f"{f}^{{({n})}}({x})", f"{f}^{n}({x})"),
        (f"{f}({f}({x}))", f"{f}({x})"),
        ("E[X^2]", "E[X]^2"),
        ("E[XY]", "E[X]E[Y]"),
        (f"P(A|B)+{n}", f"P(B|A)+{n}"),
        (f"{greek}({n})", f"{n}{greek}"),
        (f"{f}({x})={f}(-{x})", f"{f}({x})=-{f}({x})"),
        (f"{f}({x}+y)={f}({x})+{f}(y)", f"{f}({x}+y)={f}({x}){f}(y)"),
    )
    if rng.random() < 0.25:
        return not_different(
            f"{f}({x}+{n})", rng.choice((f"{f}({n}+{x})", f"{f}\\left({x}+{n}\\right)", f"{f}( {x} + {n} )")), kind
        )
    return not_equal(*rng.choice(wrong), kind)  # an unknown function may be linear


def marks(rng: Random) -> Case:
    """A mark on a letter makes another letter: derivatives, conjugates, means, determinants."""
    x, n = rng.choice("xyzqvm"), rng.randint(2, 9)
    mark, mark_2 = rng.sample(MARKS, 2)
    around = rng.choice(("{}", "{} + 1", str(n) + "{}", "a{}"))
    matrix = f"{n} & 2 \\\\ 3 & 4"
    match rng.randrange(7):
        case 0 | 1:
            return not_equal(around.format(mark.format(x)), around.format(x), "EX")
        case 2:
            return not_equal(around.format(mark.format(x)), around.format(mark_2.format(x)), "EX")
        case 3:
            return equal(around.format(mark.format(x)), around.replace(" + ", "+").format(mark.format(x)), "EX")
        case 4:
            sides = rng.choice(
                (
                    ("y", "y'"),
                    ("y'", "y''"),
                    ("\\frac{dy}{dx}", "y"),
                    ("\\dot{x}", "x"),
                    ("\\frac{dy}{dx}", "\\frac{dx}{dy}"),
                )
            )
            return different(f"{sides[0]}={n}t", f"{sides[1]}={n}t", "EQ")
        case 5:
            return different(
                f"\\begin{{vmatrix}}{matrix}\\end{{vmatrix}}", f"\\begin{{pmatrix}}{matrix}\\end{{pmatrix}}"
            )
        case _:
            return different(f"\\overline{{{n}+4i}}", rng.choice((f"{n}+4i", f"-{n}-4i")))


def commas(rng: Random) -> Case:
    """A comma without a space is a list unless three digits follow it."""
    a, b = rng.randint(1, 30), rng.randint(1, 99)
    part = Fraction(rng.randint(1, 9), rng.choice((2, 3, 5, 7)))
    if part.denominator == 1:
        part += Fraction(1, 11)
    match rng.randrange(6):
        case 0 | 1:
            return different(f"{a},{part}", f"{a}{part}")
        case 2:
            joint = [f"{a}, {part}", f"{part}, {a}"]
            if part > 1:  # `22 and 2/7` may be a mixed number
                joint.append(f"{a} and {part}")
            return equal(f"{a},{part}", rng.choice(joint))
        case 3:
            return different(f"{a},{b}", f"{a}{b}")
        case 4:
            return different(f"{a},{b}\\pi", f"{a}{b}\\pi")
        case _:
            return not_equal(f"{a} {rng.randint(100, 999)},{rng.randint(100, 999)}", f"{a}{rng.randint(1000, 9999)}")


def joined(rng: Random) -> Case:
    """And, or, nesting, two variables, two units: parts that belong together in another way."""
    a = rng.randint(-20, 20)
    b = a + rng.randint(2, 20)
    n, m = rng.sample(range(2, 60), 2)
    kind = rng.choice(("", "IN"))
    match rng.randrange(9):
        case 0:
            return different(f"x > {a} and x < {b}", f"x > {a} or x < {b}", kind)
        case 1:
            return different(f"x < {a} or y > {b}", f"x < {a} or x > {b}", kind)
        case 2:
            return different(f"x \\ge {a}, y \\ge {b}", f"x \\ge {b}, y \\ge {a}")
        case 3:
            return equal(f"x > {a} and x < {b}", f"({a}, {b})", kind)
        case 4:
            return different(f"\\{{\\{{{n}\\}},\\{{{m}\\}}\\}}", f"\\{{{n},{m}\\}}")
        case 5:
            return different(f"{n} cm to {n + m} m", rng.choice((f"{n} m to {n + m} m", f"{n} to {n + m} m")))
        case 6:
            return different(f"{n} apples, {m}", f"{m} apples, {n}")
        case 7:
            return not_equal(f"{n} {rng.choice(LARGE)}", str(n))
        case _:
            names = rng.sample(("Tom", "Ann", "red", "blue", "length", "width"), 2)
            sign = rng.choice((" = ", ": ", " "))
            sides = [f"{names[0]}{sign}{x}, {names[1]}{sign}{y}" for x, y in ((n, m), (m, n))]
            return different(*sides) if sign == " = " else not_equal(*sides)
