"""Pairs of words, strings of letters and choices."""

from random import Random

from tests.benchmarks.answer_cases import Case
from tests.benchmarks.answer_pairs.pair import (
    different,
    equal,
    not_equal,
    two,
)

OPPOSITES = (
    "odd/even yes/no up/down true/false left/right increasing/decreasing converges/diverges possible/impossible "
    "rational/irrational positive/negative finite/infinite red/blue heads/tails hexagon/octagon circle/ellipse "
    "parabola/hyperbola Monday/Sunday Tom/Tim Ann/Anna Evelyn/Carla north/south clockwise/counterclockwise "
    "isosceles/equilateral always/never first/second acute/obtuse concave/convex prime/composite win/lose row/column"
).split()
STRINGS = "HT WL RB RGB SNEW IVX IXV GBR WLD HTT ACGT WWL NSEW".split()
ANAGRAMS = (
    "on/no was/saw listen/silent left/felt east/seat north/thorn evil/vile stop/pots Al/la DNA/AND net/ten".split()
)


def letters(rng: Random) -> Case:
    """Strings of symbols: outcomes, sequences, numerals, formulas; never products."""
    symbols = rng.choice(STRINGS)
    text = "".join(rng.choice(symbols) for _ in range(rng.randint(2, 6)))
    if len(set(text)) == 1:
        text += next(s for s in symbols if s != text[0])
    turned = list(text)
    while "".join(turned) == text:
        rng.shuffle(turned)
    changed = "".join(turned)
    wrap = rng.choice(("\\text{{{}}}", "\\mathrm{{{}}}", "{}.", "$\\text{{{}}}$", "\\textbf{{{}}}"))
    one, two_ = rng.choice(ANAGRAMS).split("/")
    formula, isomer = rng.choice(
        (
            ("CO_2", "C_2O"),
            ("CH_3COOH", "HCOOCH_3"),
            ("C_2H_5OH", "CH_3OCH_3"),
            ("HCN", "CNH"),
            ("NO_2", "N_2O"),
            ("H_2O_2", "H_2O"),
        )
    )
    match rng.randrange(10):
        case 0 | 1 | 2:
            return different(text, changed)
        case 3:
            return equal(text, wrap.format(text))
        case 4:
            return different(f"\\text{{{text}}}", wrap.format(changed))
        case 5:
            return different(one, rng.choice((two_, f"\\text{{{two_}}}")))
        case 6:
            if rng.random() < 0.3:
                return not_equal(f"\\mathrm{{{formula}}}", isomer, rng.choice(("", "EX")))
            return different(f"\\mathrm{{{formula}}}", f"\\mathrm{{{isomer}}}", rng.choice(("", "EX")))
        case 7:
            return equal(formula, f"\\mathrm{{{formula}}}", "EX")
        case 8:
            return different(text, rng.choice((text + text[0], text[:-1])))
        case _:
            run = text[0] * rng.randint(2, 3)
            return different(run, f"{text[0]}^{len(run)}")


def short_words(rng: Random) -> Case:
    one, opposite = rng.choice(OPPOSITES).split("/")
    if rng.random() < 0.5:
        one, opposite = opposite, one
    spelled_one = _words(one)
    match rng.randrange(6):
        case 0 | 1:
            return equal(*two(rng, spelled_one))
        case 2 | 3:
            return different(rng.choice(spelled_one), rng.choice(_words(opposite)))
        case 4:
            return different(one, f"not {one}")
        case _:
            another = rng.choice([pair for pair in OPPOSITES if one not in pair and opposite not in pair]).split("/")
            if {one, opposite} & {"yes", "true", "right"} or set(another) & {"yes", "true", "right"}:
                return not_equal(one, another[0])
            return different(one, another[0])


def _words(word: str) -> list[str]:
    return [
        word,
        word.lower(),
        word.capitalize(),
        word.upper(),
        f"{word}.",
        f"\\text{{{word}}}",
        f"\\textbf{{{word}}}",
        f"**{word}**",
        f"$\\text{{{word}}}$",
    ]


def choices(rng: Random) -> Case:
    """One letter of a list, with its text or without."""
    letter, wrong = rng.sample("ABCDEFGHIJKLM"[: rng.choice((4, 5, 10, 13))], 2)
    reason = rng.choice(("the mass doubles", "12 m/s", "\\frac{1}{2}", "all of them", "x > 3"))

    def texts(label: str) -> list[str]:
        plain = [
            label,
            f"({label})",
            f"[{label}]",
            f"\\text{{({label})}}",
            f"\\textbf{{{label}}}",
            f"{label}.",
            f"{label})",
            f"\\mathrm{{{label}}}",
            label.lower(),
        ]
        return [
            *plain,
            f"Option {label}",
            f"option ({label})",
            f"({label}) {reason}",
            f"{label}. {reason}",
            f"{label}: {reason}",
            f"{label}) {reason}",
            f"\\boxed{{{label}}}",
        ]

    match rng.randrange(6):
        case 0 | 1:
            return equal(*two(rng, texts(letter)), "SC")
        case 2 | 3:
            return different(rng.choice(texts(letter)), rng.choice(texts(wrong)), "SC")
        case 4:
            numerals = rng.sample("I II III IV V".split(), 2)
            return different(numerals[0], numerals[1], "SC")
        case _:
            return different(
                letter, rng.choice((f"{letter} and {wrong}", f"{letter} or {wrong}", f"{letter}, {wrong}")), "SC"
            )


def multiple_choice(rng: Random) -> Case:
    """Several letters of a list, in any order."""
    pool = "ABCDEFGHIJKLM"[: rng.choice((4, 5, 10, 13))]
    chosen = rng.sample(pool, rng.randint(2, 4))
    rest = [letter for letter in pool if letter not in chosen]
    changed = rng.choice(([*chosen[1:], *rest[:1]], [*chosen, *rest[:1]], chosen[1:])) if rest else chosen[1:]

    def texts(labels: list[str]) -> list[str]:
        labels = rng.sample(labels, len(labels))
        many = len(labels) > 1
        forms = [
            ", ".join(labels),
            "".join(labels),
            ",".join(labels).lower(),
            f"[{', '.join(labels)}]",
            f"\\{{{', '.join(labels)}\\}}",
        ]
        forms += [
            "/".join(labels),
            ", ".join(f"({x})" for x in labels),
            ", ".join(f"{x})" for x in labels),
            ", ".join(f"\\text{{{x}}}" for x in labels),
        ]
        forms += [
            ", ".join(f"{x}: water {i}" for i, x in enumerate(labels)),
            f"\\mathrm{{{''.join(labels)}}}",
            " ".join(labels),
            "; ".join(labels),
        ]
        if many:
            forms += [
                f"Options {', '.join(labels[:-1])} and {labels[-1]}",
                f"{', '.join(labels[:-1])}, and {labels[-1]}",
                f"{', '.join(labels[:-1])} and {labels[-1]}",
            ]
        return forms

    match rng.randrange(3):
        case 0:
            return equal(rng.choice(texts(chosen)), "".join(sorted(chosen)), "MC")
        case 1:
            return equal(rng.choice(texts(chosen)), rng.choice(texts(chosen)), "MC")
        case _:
            return different(rng.choice(texts(chosen)), rng.choice(texts(changed)), "MC")
