"""Answers per second: GSM8K completions read on one core, distinct MATH expressions on two cores, repeated expressions.

Then the times of answer_speed.py: beside Math-Verify, on hostile strings, and of merge().

python -m tests.benchmarks.answers

The answers are generated, in the kinds and spellings of GSM8K and MATH. The 7,000 published GSM8K completions are read
too if W2S_REFERENCE names their folder. Seconds are processor time, so that other load matters little; the slower core
counts.
"""

import gzip
import json
import os
import random
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.benchmarks import answer_speed
from w2s.answers import Unreadable, canonical, read
from w2s.answers.forms.canonical import form

SEED = 42
GSM8K_TARGET, MATH_TARGET, REPEATED_TARGET = 100_000, 1_500, 100_000
GSM8K_COUNT, MATH_COUNT, REPEATS = 50_000, 6_000, 50
PUBLISHED = (
    Path(os.environ.get("W2S_REFERENCE", Path(__file__).parents[2] / "../shared/reference"))
    / "gsm8k_llama2_7b_weak.jsonl.gz"
)


def gsm8k_completions(rng: random.Random) -> list[str]:
    """Short solutions; one answer in five has a dollar sign, a comma, decimals or a unit."""
    values = rng.sample(range(1, 20 * GSM8K_COUNT), GSM8K_COUNT)
    spellings = ("{0}",) * 16 + ("${0}", "{0:,}", "{0}.50", "{0} apples")
    bodies = [
        f"She has {v} + {v % 7} - {v % 7} = <<{v}+{v % 7}-{v % 7}={v}>>{v} of them.\nThat makes {v} in all.\n#### "
        for v in values
    ]
    return [body + rng.choice(spellings).format(value) for body, value in zip(bodies, values, strict=True)]


def math_expressions(rng: random.Random) -> list[str]:
    """Distinct LaTeX answers of MATH's kinds, from fractions and roots to intervals, equations and matrices."""
    found: set[str] = set()
    while len(found) < MATH_COUNT:
        a, b, c, d = (rng.randint(2, 99) for _ in range(4))
        kinds = (
            *(
                f"\\frac{{{a}}}{{{b}}}",
                f"-\\dfrac{{{a}}}{{{b}}}",
                f"{a}\\frac{{1}}{{{b}}}",
                f"{a}.{b}",
                f"{a},{b}{c % 10}",
            ),
            *(
                f"{a}\\sqrt{{{b}}}",
                f"\\frac{{{a}\\sqrt{{{b}}}}}{{{c}}}",
                f"\\frac{{{a}+\\sqrt{{{b}}}}}{{{c}}}",
                f"\\sqrt[3]{{{a}}}",
            ),
            *(
                f"\\frac{{{a}\\pi}}{{{b}}}",
                f"{a}\\pi - {b}\\sqrt{{{c}}}",
                f"{a}^\\circ {b}",
                f"{a} + {b}i",
                f"{a}_{{{b % 8 + 2}}}",
                f"{a}^{{{b % 9}}}",
            ),
            *(
                f"x^{b % 5 + 2} - {a}x^2 + {c}x - {d}",
                f"(x-{a})(x+{b})",
                f"\\frac{{x+{a}}}{{x-{b}}}",
                f"{a}xy^2 - {b}x + {c}",
            ),
            *(
                f"\\left( {a}, \\frac{{{b}}}{{{c}}} \\right)",
                f"({a},-{b},{c})",
                f"[{a},{a + b})",
                f"(-\\infty, {a}) \\cup ({a + b}, \\infty)",
            ),
            *(
                f"\\{{{a}, {b}, {c}\\}}",
                f"{a}, {b}, {c}",
                f"y = {a}x + {b}",
                f"{a}x - {b}y + {c} = 0",
                f"x \\le \\frac{{{a}}}{{{b}}}",
            ),
            *(
                f"\\begin{{pmatrix}} {a} & {b} \\\\ {c} & {d} \\end{{pmatrix}}",
                f"\\text{{{a} cm}}^2",
                f"{a}\\%",
                f"\\log_{{{a}}} {b}",
                f"\\${a}.{b}",
            ),
        )
        found.add(rng.choice(kinds))
    return sorted(found)


def timed_canonical(texts: list[str]) -> float:
    start = time.process_time()
    for text in texts:
        canonical(text)
    return time.process_time() - start


def timed_reading(texts: list[str]) -> float:
    start = time.process_time()
    for text in texts:
        found = read(text, "gsm8k")
        if not isinstance(found, Unreadable):
            canonical(found.text)
    return time.process_time() - start


def line(name: str, count: int, seconds: float, target: int) -> str:
    rate = count / seconds
    verdict = "met" if rate >= target else "missed"
    return f"{name}: {count:,} in {seconds:.2f} s, {rate:,.0f} per second (target {target:,}: {verdict})"


def main() -> None:
    """Three rounds of each rate, the fastest counts."""
    rng = random.Random(SEED)
    made, expressions = gsm8k_completions(rng), math_expressions(rng)
    batches: list[tuple[str, list[str]]] = [("GSM8K, generated, one core", made)]
    if PUBLISHED.is_file():
        with gzip.open(PUBLISHED, "rt", encoding="utf-8") as lines:
            batches.append(("GSM8K, published completions, one core", [json.loads(row)["response"] for row in lines]))
    for name, texts in batches:
        print(line(name, len(texts), min(_fresh(timed_reading, [texts]) for _ in range(3)), GSM8K_TARGET), flush=True)
    halves = [expressions[::2], expressions[1::2]]
    print(
        line(
            "MATH, distinct, two cores", MATH_COUNT, min(_fresh(timed_canonical, halves) for _ in range(3)), MATH_TARGET
        ),
        flush=True,
    )
    timed_canonical(expressions)
    print(
        line("MATH, repeated, one core", MATH_COUNT * REPEATS, timed_canonical(expressions * REPEATS), REPEATED_TARGET),
        flush=True,
    )
    print(f"MATH, forms unique for their value: {sum(form(text).exact for text in expressions):,} of {MATH_COUNT:,}")
    answer_speed.main()


def _fresh(timed, parts: list[list[str]]) -> float:
    """The slowest part's seconds, each part in a process of its own with an empty cache."""
    with ProcessPoolExecutor(len(parts)) as processes:
        return max(processes.map(timed, parts))


if __name__ == "__main__":
    main()
