"""Pairs of one expression in other signs: Unicode, Greek, LaTeX commands, markdown and phrases round an answer."""

from random import Random

from tests.benchmarks.answer_cases import Case
from tests.benchmarks.answer_pairs.pair import (
    different,
    equal,
    fraction,
    not_different,
    other_fraction,
    spelled,
    two,
    whole,
)

GREEK = dict(
    zip(
        "alpha beta gamma delta zeta eta lambda mu nu xi rho sigma tau chi psi omega Gamma Delta Sigma Omega".split(),
        "αβγδζηλμνξρστχψωΓΔΣΩ",
        strict=True,
    )
)
VARIANTS = (("\\epsilon", "\\varepsilon", "ε", "ϵ"), ("\\phi", "\\varphi", "φ", "ϕ"))
UPPER = "⁰¹²³⁴⁵⁶⁷⁸⁹"
LOWER = "₀₁₂₃₄₅₆₇₈₉"
PHRASES = (
    "**{}**",
    "*{}*",
    "{}.",
    "The answer is {}",
    "The answer is {}.",
    "the final answer is {}",
    "{}. I hope it is correct.",
    "{}</s>",
    "{}<|eot_id|>",
    "`{}`",
    "{} (approximately)",
    "therefore {}",
    "Answer: {}",
    "**Answer: {}**",
    "= {}",
    "Final answer: {}",
    "Therefore, the answer is {}.",
    "{} \\blacksquare",
    "${}$",
    "\\({}\\)",
    "\\[{}\\]",
    "$${}$$",
    "So {}",
    "The total is {}",
    "__{}__",
    "{} ✓",
    "**{}.**",
    "{}<|im_end|>",
    "The final answer is: ${}$",
)
WRAPPERS = (
    "\\text{{{}}}",
    "\\mathrm{{{}}}",
    "\\mathbf{{{}}}",
    "\\boldsymbol{{{}}}",
    "\\textnormal{{{}}}",
    "\\textbf{{{}}}",
    "{{{}}}",
    "\\boxed{{{}}}",
    "\\fbox{{{}}}",
    "\\displaystyle {}",
    "\\large {}",
    "{{\\large {}}}",
    "\\,{}\\,",
    "\\!{}",
    "\\mbox{{{}}}",
    "\\textcolor{{blue}}{{{}}}",
    "\\color{{red}} {}",
    "\\color{{red}}{{{}}}",
    "\\underline{{{}}}",
    "\\left. {} \\right.",
    "{{\\bf {}}}",
    "\\quad {}",
    "{} \\;",
    "\\ensuremath{{{}}}",
    "\\mathit{{{}}}",
    "\\Large{{{}}}",
    "\\begin{{aligned}} {} \\end{{aligned}}",
    "~{}",
)


def greek(rng: Random) -> Case:
    name, name_2 = rng.sample(list(GREEK), 2)
    variant, other_variant = rng.sample(VARIANTS, 2)
    around = rng.choice(("{}", "2{}", "{}_0", "{}^2", "{}x", "\\frac{{{}}}{{2}}", "{} + 1", "a{}"))
    n = rng.randint(3, 9)

    def latex(text: str) -> str:
        return around.format(
            f"{text}"
            if around in ("{}^2", "{}_0", "{} + 1", "\\frac{{{}}}{{2}}") or around.endswith("{}")
            else f"{text} "
        )

    match rng.randrange(5):
        case 0 | 1:
            return equal(latex(f"\\{name}"), around.format(GREEK[name]), rng.choice(("", "EX")))
        case 2:
            return equal(*two(rng, [around.format(f"{text} ") for text in variant]), rng.choice(("", "EX")))
        case 3:
            return different(latex(f"\\{name}"), rng.choice((around.format(GREEK[name_2]), latex(f"\\{name_2}"))), "EX")
        case _:
            sides = (f"{n}{rng.choice(variant)}", f"{n}{rng.choice(other_variant)}")
            return (
                different(*sides, "EX")
                if rng.random() < 0.5
                else different(sides[0], f"{n + 1}{rng.choice(variant)}", "EX")
            )


def unicode_signs(rng: Random) -> Case:
    """Powers, indices, fractions, roots, signs and full-width digits as single characters."""
    n, m = rng.randint(2, 99), rng.randint(2, 30)
    small, small_2 = rng.sample(range(2, 10), 2)
    top, bottom = rng.choice(
        ((1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (1, 5), (2, 5), (3, 5), (1, 6), (5, 6), (1, 8), (3, 8), (7, 8))
    )
    part = {
        "12": "½",
        "13": "⅓",
        "23": "⅔",
        "14": "¼",
        "34": "¾",
        "15": "⅕",
        "25": "⅖",
        "35": "⅗",
        "16": "⅙",
        "56": "⅚",
        "18": "⅛",
        "38": "⅜",
        "78": "⅞",
    }[f"{top}{bottom}"]
    x = rng.choice("xyabt")
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in str(n))
    table = (
        (f"{x}{UPPER[small]}", f"{x}^{small}", f"{x}^{small_2}"),
        (f"{n}{x}{UPPER[small]} + {m}", f"{n}{x}^{{{small}}}+{m}", f"{n}{x}^{{{small}}}-{m}"),
        (f"10{UPPER[small]}", f"10^{small}", f"10{small}"),
        (f"{n} \u00d7 10⁻{UPPER[small]}", f"{n} \\times 10^{{-{small}}}", f"{n} \\times 10^{{{small}}}"),
        (f"{x}{LOWER[small]}", f"{x}_{small}", f"{x}_{small_2}"),
        (f"{x}{LOWER[small]} + {n}", f"{x}_{{{small}}} + {n}", f"{small}{x} + {n}"),
        (part, f"\\frac{{{top}}}{{{bottom}}}", f"{bottom}/{top}" if top > 1 else str(bottom)),
        (f"{n}{part}", f"{n * bottom + top}/{bottom}", f"{n * top}/{bottom}"),
        (f"{part}{x}", f"\\frac{{{top}{x}}}{{{bottom}}}", f"\\frac{{{top}}}{{{bottom}{x}}}"),
        (f"√{n}", f"\\sqrt{{{n}}}", f"\\sqrt{{{n + 1}}}"),
        (f"{m}√{n}", f"{m}\\sqrt{{{n}}}", f"\\sqrt[{m}]{{{n}}}"),
        (f"√({n})", f"\\sqrt{{{n}}}", f"-\\sqrt{{{n}}}"),
        (f"∛{n**3}", str(n), str(n**3)),
        (f"\u2212{n}", f"-{n}", str(n)),
        (f"{n}⋅{m}", str(n * m), f"{n}{m}"),
        (f"{n}·{m}", str(n * m), f"{n}.{m}"),
        (f"{n}\u2217{m}", str(n * m), str(n + m)),
        (f"{n}÷{m}", f"{n}/{m}", f"{n * m}"),
        (f"{n}\u2044{m}", f"{n}/{m}", f"{m * n}"),
        (f"{x} ≥ {n}", f"{x} \\ge {n}", f"{x} \\le {n}"),
        (f"{x} ≠ {n}", f"{x} \\neq {n}", f"{x} = {n}"),
        (f"±{n}", f"\\pm {n}", str(n)),
        (wide, str(n), str(n + 1)),
        (f"{n}π", f"{n}\\pi", str(n)),
        (f"{n}π/{m}", f"\\frac{{{n}\\pi}}{{{m}}}", f"\\frac{{{n}}}{{{m}\\pi}}"),
        ("∞", "\\infty", "-\\infty"),
        (f"[{n}, ∞)", f"[{n}, \\infty)", f"({n}, \\infty)"),
        (f"{n}°", f"{n}^\\circ", f"{n + 1}^\\circ"),
        (f"{{{n}, {n + m}}}", f"\\{{{n}, {n + m}\\}}", f"\\{{{n}, {n + m + 1}\\}}"),
        (f"{n}\u00a0", str(n), str(n + 1)),
        (f"{n}\u200b", str(n), f"{n}0"),
    )
    sign, same, wrong = rng.choice(table)
    return equal(sign, same) if rng.random() < 0.6 else different(sign, wrong)


def wrappers(rng: Random) -> Case:
    """LaTeX that changes how an answer looks and not what it is."""
    if rng.random() < 0.35:
        return _structures(rng)
    value = rng.choice((fraction(rng), fraction(rng) * 12 * 25 * 7 * 9 * 8))
    inner = spelled(rng, value).replace("$", "")
    wrapper = rng.choice(WRAPPERS)
    text = wrapper.format(inner)
    if rng.random() < 0.6:
        return equal(text, spelled(rng, value))
    return different(text, spelled(rng, other_fraction(rng, value)))


def _structures(rng: Random) -> Case:
    a, b, c, d = rng.sample(range(2, 60), 4)
    rows = f"{a} & {b} \\\\ {c} & {d}"
    table: tuple[tuple[list[str], list[str]], ...] = (
        (
            [
                f"{{{a} \\over {b}}}",
                f"\\frac{{{a}}}{{{b}}}",
                f"\\cfrac{{{a}}}{{{b}}}",
                f"\\sfrac{{{a}}}{{{b}}}",
                f"\\nicefrac{{{a}}}{{{b}}}",
            ],
            [f"\\frac{{{b}}}{{{a}}}", f"{a}{b}"],
        ),
        (
            [
                f"\\begin{{pmatrix}}{a}\\\\{b}\\end{{pmatrix}}",
                f"\\left(\\begin{{array}}{{c}}{a}\\\\{b}\\end{{array}}\\right)",
                f"\\begin{{bmatrix}} {a} \\\\ {b} \\\\ \\end{{bmatrix}}",
                f"\\pmatrix{{{a}\\cr {b}}}",
                f"\\begin{{pmatrix}}{a}\\\\[2pt]{b}\\end{{pmatrix}}",
            ],
            [
                f"\\begin{{pmatrix}}{b}\\\\{a}\\end{{pmatrix}}",
                f"\\begin{{pmatrix}}{a}&{b}\\end{{pmatrix}}",
                f"\\begin{{pmatrix}}{a}\\\\{c}\\end{{pmatrix}}",
            ],
        ),
        (
            [
                f"\\begin{{pmatrix}}{rows}\\end{{pmatrix}}",
                f"\\left[\\begin{{array}}{{cc}}{rows}\\end{{array}}\\right]",
                f"\\begin{{bmatrix}}{rows}\\end{{bmatrix}}",
            ],
            [
                f"\\begin{{pmatrix}}{a} & {c} \\\\ {b} & {d}\\end{{pmatrix}}",
                f"\\begin{{pmatrix}}{a} & {b} \\\\ {d} & {c}\\end{{pmatrix}}",
            ],
        ),
        (
            [f"2\\begin{{pmatrix}}{a}\\\\{b}\\end{{pmatrix}}", f"\\begin{{pmatrix}}{2 * a}\\\\{2 * b}\\end{{pmatrix}}"],
            [f"\\begin{{pmatrix}}{2 * a}\\\\{b}\\end{{pmatrix}}", f"\\begin{{pmatrix}}{a}\\\\{b}\\end{{pmatrix}}"],
        ),
        ([f"x^{{\\text{{{a}}}}}", f"x^{{{a}}}"], [f"x^{{{b}}}", f"{a}x"]),
        (
            [
                f"\\mathrm{{\\frac{{{a}}}{{{b}}}}}",
                f"\\frac{{\\mathrm{{{a}}}}}{{{b}}}",
                f"{a}/{b}",
                f"\\left(\\frac{{{a}}}{{{b}}}\\right)",
                f"\\dfrac{{ {a} }}{{ {b} }}",
            ],
            [f"{b}/{a}", f"{a * b}"],
        ),
        (
            [f"\\sqrt{{\\mathstrut {a}}}", f"\\sqrt{{{a}}}", f"\\sqrt {{{a}}}", f"{{\\sqrt{{{a}}}}}"],
            [f"\\sqrt{{{b}}}", f"{a}"],
        ),
        (
            [
                f"\\bigl({a}, {b}\\bigr)",
                f"({a},{b})",
                f"\\left({a}, {b}\\right)",
                f"\\mathopen{{}}({a},{b})\\mathclose{{}}",
                f"\\Big( {a},\\ {b} \\Big)",
            ],
            [f"({b},{a})", f"[{a},{b}]"],
        ),
        ([f"\\text{{(B)}} {a}", f"\\textbf{{(B) }}{a}", "\\textbf{(B)}"], ["\\text{(C)}"]),
    )
    same, wrong = rng.choice(table)
    return equal(*two(rng, same)) if rng.random() < 0.6 else different(rng.choice(same), rng.choice(wrong))


def phrases(rng: Random) -> Case:
    """Markdown, quotes, end tokens and sentences round an answer."""
    value = rng.choice((fraction(rng) * 12 * 25 * 7 * 9 * 8, fraction(rng)))
    text = rng.choice(PHRASES).format(spelled(rng, value).replace("$", ""))
    if rng.random() < 0.1:
        word = rng.choice(("yes", "even", "Evelyn", "12 apples", "x > 3"))
        return not_different(rng.choice(PHRASES).format(word), word)
    if rng.random() < 0.6:
        return equal(text, spelled(rng, value))
    return different(text, spelled(rng, other_fraction(rng, value)))


def products(rng: Random) -> Case:
    """Letters that are variables: their order does not count, their powers do."""
    x, y = rng.sample("bnxyz", 2)  # no units in any order
    n = whole(rng)
    texts = [
        f"{n}{x}{y}",
        f"{n}{y}{x}",
        f"{n} {x} {y}",
        f"{n} \\cdot {x} \\cdot {y}",
        f"{x}*{y}*{n}",
        f"{n}{x} \\times {y}",
    ]
    near = [
        f"{n}{x}",
        f"{n}{x}+{y}",
        f"{n}{x}^{{{y}}}",
        f"{n}{x}{x}",
        f"{n}{x}{y}{y}",
        f"{n + 1}{x}{y}",
        f"{n}/({x}{y})",
    ]
    return equal(*two(rng, texts)) if rng.random() < 0.5 else different(rng.choice(texts), rng.choice(near))
