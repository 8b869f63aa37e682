"""Pairs of equations, inequalities, function values, named values, and functions of numbers."""

import math
from fractions import Fraction
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

NAMES = (
    "x y n t a_1 x_{0} AB PQ \\theta \\alpha \\lambda a_{10} S_n S_{20} v_{\\max} x_{\\min} R_{1} v_0 "
    "T_{\\text{final}} m_{\\mathrm{total}} \\bar{x} KE f(2) P(A) P(X=2) E[X] f'(3) \\angle&ABC \\overline{AB} "
    "\\mu \\sigma^2 A' pH "
    "\\text{Area} \\text{Total&cost} \\Delta&H \\det&A \\lim_{x\\to0}&f(x) g(0) h(-1) \\hat{p}"
).split()


def function_values(rng: Random) -> Case:
    f, g = rng.sample("fghpPFqu", 2)
    at, value = rng.randint(-9, 12), whole(rng)
    at_2 = other(rng, at) if at else 3
    gap = rng.choice(("=", " = "))
    match rng.randrange(11):
        case 0 | 1:
            return equal(
                f"{f}({at}){gap}{value}", rng.choice((str(value), f"{f}({at})={value}.0", f"{value}={f}({at})"))
            )
        case 2:
            if at not in (0, 1):
                return different(f"{f}({at}){gap}{value}", str(Fraction(value, at)))
            return different(f"{f}({at}){gap}{value}", str(value + 1))
        case 3:
            return different(
                f"{f}({at}){gap}{value}", rng.choice((str(other(rng, value)), f"{f}({at})={other(rng, value)}"))
            )
        case 4:
            return not_equal(f"{f}({at}){gap}{value}", f"{f}({at_2})={value}")
        case 5:
            return different(f"{f}({at})", rng.choice((f"{at}{f}" if at > 1 else str(at), str(at))))
        case 6:
            return not_equal(f"{f}({at})", rng.choice((f"{g}({at})", f"{f}({at_2})")))
        case 7:
            values = rng.sample(range(2, 99), 2)
            named = [f"{f}({at})={values[0]}", f"{f}({at_2})={values[1]}"]
            swapped = [f"{f}({at})={values[1]}", f"{f}({at_2})={values[0]}"]
            if rng.random() < 0.5:
                return equal(", ".join(named), ", ".join(reversed(named)))
            return different(", ".join(named), ", ".join(swapped))
        case 8:
            m, b = rng.randint(2, 9), rng.randint(1, 9)
            return equal(f"{f}(x){gap}{m}x+{b}", rng.choice((f"{m}x+{b}", f"y={b}+{m}x", f"{f}(x) = {b} + {m}x")))
        case 9:
            m, b = rng.randint(2, 9), rng.randint(1, 9)
            return different(
                f"{f}(x){gap}{m}x+{b}",
                rng.choice((f"{f}(x)={m}x-{b}", f"{b}x+{m}" if b != m else "x", f"{f}(x)={m + 1}x+{b}")),
            )
        case _:
            part = fraction(rng)
            name = rng.choice(("P(A)", "P(X=2)", "P(\\text{red})", f"{f}'({at})", f"{f}(\\pi)", "E[X]", "E(X)"))
            return equal(f"{name}{gap}{spelled(rng, part)}", spelled(rng, part))


def names(rng: Random) -> Case:
    """A name before a value: the value counts."""
    name = rng.choice(NAMES).replace("&", " ")
    value = rng.choice((Fraction(whole(rng)), -Fraction(whole(rng)), fraction(rng)))
    sign = rng.choice((" = ", "=", " \\approx ") if rng.random() < 0.2 else (" = ", "="))
    root = rng.choice(("\\sqrt{2}", "\\pi", "n^2", "2\\sqrt{3}", "\\frac{\\pi}{4}"))
    if rng.random() < 0.15:
        return equal(f"{name}{sign}{root}", root)
    changed = value + rng.choice((1, -1, 10, Fraction(1, 2)))
    if rng.random() < 0.5:
        return equal(f"{name}{sign}{spelled(rng, value).strip('$')}", spelled(rng, value))
    return different(f"{name}{sign}{spelled(rng, value).strip('$')}", spelled(rng, changed))


def named_values(rng: Random) -> Case:
    """Several values with names: each belongs to its name."""
    found = rng.sample(rng.choice((list("abcd"), list("xyz"), ["x_1", "x_2"], ["y_1", "y_2", "y_3"], ["m", "b"])), 2)
    first, second = rng.sample(range(-20, 60), 2)
    braced = [name.replace("_1", "_{1}").replace("_2", "_{2}").replace("_3", "_{3}") for name in found]
    kind = rng.choice(("", "", "MPV"))

    def text(of: list[str], values: tuple[int, int], turned: bool = False) -> str:
        gap, joined = rng.choice(("=", " = ")), rng.choice((", ", ",", " and ", "; ", "\\text{ and }", ",\\quad "))
        parts = [f"{name}{gap}{value}" for name, value in zip(of, values, strict=True)]
        return joined.join(reversed(parts) if turned else parts)

    match rng.randrange(7):
        case 0 | 1:
            return equal(text(found, (first, second)), text(braced, (first, second)), kind)
        case 2:
            return equal(text(found, (first, second)), text(braced, (first, second), turned=True), kind)
        case 3 | 4:
            return different(text(found, (first, second)), text(found, (second, first), rng.random() < 0.5), kind)
        case 5:
            changed = rng.choice(((first, second + 1), (-first - 1, second), (first + 10, second)))
            return different(text(found, (first, second)), text(braced, changed, rng.random() < 0.5), kind)
        case _:
            ordered = sorted(found)
            return equal(
                text(ordered, (first, second)),
                rng.choice((f"{first}, {second}", f"({first}, {second})")),
                rng.choice(("TUP", "MPV")),
            )


def equations(rng: Random) -> Case:
    a, b, c = (rng.choice((-1, 1)) * rng.randint(1, 9) for _ in range(3))
    k = rng.choice((2, 3, -1, -2))
    kind = rng.choice(("EQ", "EQ", ""))
    line = [
        f"{a}x{b:+}y={c}",
        f"{k * a}x{k * b:+}y={k * c}",
        f"{a}x{b:+}y{-c:+}=0",
        f"{c}={b}y{a:+}x",
        f"{a}x={c}{-b:+}y",
        f"y = \\frac{{{c}{-a:+}x}}{{{b}}}",
    ]
    near = [
        f"{a}x{b:+}y={c + 1}",
        f"{a}x{-b:+}y={c}",
        f"{a + 10}x{b:+}y={c}",
        f"{k * a}x{k * b:+}y={k * c + 1}",
        f"{b}x{a:+}y={c + 13}",
    ]
    laws = (
        (("F=-kx", "F = -k \\cdot x", "kx=-F"), ("F=kx", "F=-kx^2")),
        (("PV=nRT", "P=\\frac{nRT}{V}", "nRT = PV"), ("PV=nR/T", "P=nRTV", "V=\\frac{P}{nRT}")),
        (("E=mc^2", "m=\\frac{E}{c^2}", "mc^2=E"), ("E=mc", "E=2mc^2", "E=m^2c")),
        (("y=e^x", "y = \\exp(x)"), ("y=e^{-x}", "y=e^{2x}", "x=e^y")),
        (("y=x^2", "y = x \\cdot x", "x^2=y"), ("y=x^3", "y=-x^2", "y=2x")),
        (("x^2+y^2=9", "y^2+x^2=9", "x^2=9-y^2", "2x^2+2y^2=18"), ("x^2+y^2=3", "x^2-y^2=9", "x^2+y^2=81")),
        (("v=u+at", "u=v-at", "a=\\frac{v-u}{t}"), ("v=u-at", "v=ut+a", "v=u+a+t")),
        (
            ("\\frac{x^2}{4}+\\frac{y^2}{9}=1", "9x^2+4y^2=36"),
            ("\\frac{x^2}{9}+\\frac{y^2}{4}=1", "\\frac{x^2}{4}-\\frac{y^2}{9}=1", "\\frac{x^2}{2}+\\frac{y^2}{3}=1"),
        ),
        (("r=2\\cos\\theta", "r = 2\\cos(\\theta)"), ("r=2\\sin\\theta", "r=-2\\cos\\theta", "r=\\cos 2\\theta")),
    )
    law, wrong = rng.choice(laws)
    match rng.randrange(6):
        case 0 | 1:
            return equal(*two(rng, line), kind)
        case 2 | 3:
            return different(rng.choice(line), rng.choice(near), kind)
        case 4:
            return equal(*two(rng, list(law)), "EQ")
        case _:
            return different(rng.choice(law), rng.choice(wrong), "EQ")


def inequalities(rng: Random) -> Case:
    """Inequalities in one or two letters; dividing by a negative number turns the sign."""
    a, c = rng.randint(2, 9), rng.choice((-1, 1)) * rng.randint(1, 30)
    signs = {"<": ">", ">": "<", "\\le": "\\ge", "\\ge": "\\le"}
    strict = {"<": "\\le", ">": "\\ge", "\\le": "<", "\\ge": ">"}
    sign = rng.choice(list(signs))
    kind = rng.choice(("EQ", "EQ", ""))
    texts = [
        f"{a}x+y {sign} {c}",
        f"{c} {signs[sign]} {a}x+y",
        f"y+{a}x {sign} {c}",
        f"{-a}x-y {signs[sign]} {-c}",
        f"{2 * a}x+2y {sign} {2 * c}",
        f"{a}x+y{-c:+} {sign} 0",
        f"y {sign} {c}-{a}x",
    ]
    near = [
        f"{a}x+y {signs[sign]} {c}",
        f"{a}x+y {strict[sign]} {c}",
        f"{a}x+y {sign} {c + 1}",
        f"{-a}x-y {sign} {-c}",
        f"{a}x-y {sign} {c}",
        f"{a}x+y = {c}",
    ]
    if rng.random() < 0.25:
        x = rng.choice(("x^2", "xy", "s^2t", "|x+y|"))
        return different(f"{x} {sign} {abs(c)}", f"{x} {rng.choice((signs[sign], strict[sign]))} {abs(c)}", "EQ")
    return (
        equal(*two(rng, texts), kind) if rng.random() < 0.45 else different(rng.choice(texts), rng.choice(near), kind)
    )


def whole_functions(rng: Random) -> Case:
    """Floor, ceiling, gcd, lcm, mod, max, min, sums and absolute values."""
    a, b, c = rng.randint(4, 60), rng.randint(2, 30), rng.randint(2, 40)
    tenth = rng.randint(1, 9)
    texts = (
        ((f"\\lfloor {a}.{tenth} \\rfloor", f"\\left\\lfloor {a}.{tenth}\\right\\rfloor", f"⌊{a}.{tenth}⌋"), a),
        ((f"\\lceil {a}.{tenth} \\rceil", f"\\left\\lceil {a}.{tenth} \\right\\rceil", f"⌈{a}.{tenth}⌉"), a + 1),
        ((f"\\lfloor -{a}.{tenth} \\rfloor",), -a - 1),
        ((f"\\left\\lfloor \\frac{{{a}}}{{{b}}} \\right\\rfloor",), a // b),
        ((f"\\gcd({a},{b})", f"\\gcd({a}, {b})", f"\\text{{gcd}}({a}, {b})", f"gcd({a},{b})"), math.gcd(a, b)),
        ((f"\\operatorname{{lcm}}({a},{b})", f"\\text{{lcm}}({a}, {b})", f"lcm({a},{b})"), math.lcm(a, b)),
        ((f"{a} \\bmod {b}", f"{a} \\mod {b}", f"{a} mod {b}"), a % b),
        ((f"\\max({a},{b},{c})", f"\\max\\{{{a}, {b}, {c}\\}}", f"max({a}, {b}, {c})"), max(a, b, c)),
        ((f"\\min({a},{b},{c})", f"min({a},{b},{c})"), min(a, b, c)),
        ((f"\\sum_{{k=1}}^{{{a}}} k", f"\\sum_{{i=1}}^{{{a}}} i"), a * (a + 1) // 2),
        ((f"|{b}-{a}|", f"\\left|{b}-{a}\\right|", f"\\lvert {b}-{a} \\rvert"), abs(a - b)),
    )
    forms, value = rng.choice(texts)
    match rng.randrange(3):
        case 0:
            return equal(rng.choice(forms), str(value))
        case 1:
            wrong = {value + 1, value - 1, -value, a, b, a + b} - {value}
            return different(rng.choice(forms), str(rng.choice(sorted(wrong))))
        case _:
            forms_2, value_2 = rng.choice(texts)
            if value == value_2:
                return equal(rng.choice(forms), rng.choice(forms_2))
            return different(rng.choice(forms), rng.choice(forms_2))


def degrees(rng: Random) -> Case:
    """Functions of angles, and angles."""
    angle = rng.choice((30, 45, 60, 90, 120, 135, 150, 210, 240, 270, 330))
    name = rng.choice(("sin", "cos"))
    turn = rng.choice((0, 0, 360))
    mark = rng.choice(("^\\circ", "^{\\circ}", "°", "^\\circ "))
    text = rng.choice(
        (f"\\{name} {angle + turn}{mark}", f"\\{name}({angle + turn}{mark})", f"\\{name}\\left({angle}{mark}\\right)")
    )
    exact = {
        0: "0",
        1: "1",
        -1: "-1",
        2: "1/2",
        -2: "-\\frac12",
        3: "\\frac{\\sqrt{3}}{2}",
        -3: "-\\frac{\\sqrt3}{2}",
        4: "\\frac{\\sqrt{2}}{2}",
        -4: "-\\frac{1}{\\sqrt 2}",
    }
    keys = {
        round(v, 6): key
        for key, v in (
            (0, 0.0),
            (1, 1.0),
            (-1, -1.0),
            (2, 0.5),
            (-2, -0.5),
            (3, 3**0.5 / 2),
            (-3, -(3**0.5) / 2),
            (4, 0.5**0.5),
            (-4, -(0.5**0.5)),
        )
    }
    computed = math.sin(math.radians(angle)) if name == "sin" else math.cos(math.radians(angle))
    key = keys[round(computed, 6) + 0.0]
    plain = rng.randint(1, 359)
    match rng.randrange(8):
        case 0 | 1 | 2:
            return equal(text, exact[key])
        case 3:
            return different(text, exact[rng.choice([k for k in exact if k != key])])
        case 4:
            return (
                different(text, f"\\{name} {angle}")
                if rng.random() < 0.5
                else different(text, f"\\{name}({angle + 1}{mark})")
            )
        case 5:
            return equal(
                f"{plain}{mark}",
                rng.choice((str(plain), f"{plain}\\text{{ degrees}}", f"{plain} degrees", f"{plain}^\\circ")),
            )
        case 6:
            return different(f"{plain}{mark}", rng.choice((f"{plain + 1}°", f"{plain}0^\\circ", f"-{plain}^\\circ")))
        case _:
            radians = Fraction(angle, 180)
            return not_different(f"{angle}{mark}", f"\\frac{{{radians.numerator}\\pi}}{{{radians.denominator}}}")
