"""Reads, canonicalises and compares hostile strings; prints one JSON line of counts and seconds of processor time.

python -m tests.unit.answers.hostile COUNT SEED
"""

import json
import random
import sys
import time
from pathlib import Path

from w2s.answers import Unreadable, canonical, compare, read
from w2s.answers.forms.canonical import form
from w2s.answers.kinds import KINDS

PIECES = [
    *[
        "\\frac",
        "\\sqrt",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "|",
        "^",
        "_",
        "!",
        "+",
        "-",
        "*",
        "/",
        "=",
        "<",
        ">=",
        ",",
        ";",
        ".",
        " ",
        "\n",
        "&",
        "\\\\",
    ],
    *[
        "1",
        "2",
        "12",
        "0",
        "3.5",
        "1,000",
        "e9",
        "99999",
        "x",
        "y",
        "i",
        "e",
        "A",
        "(C)",
        "pi",
        "\\pi",
        "\\theta",
        "\\infty",
        "10^",
        "\u00bd",
        "%",
    ],
    *[
        "\\text{",
        "\\boxed{",
        "\\$",
        "$",
        "\\%",
        " and ",
        " or ",
        "\\pm ",
        "\\cup ",
        "\\in ",
        "\\{",
        "\\}",
        "\\left(",
        "\\right)",
        "\\cdot",
        "\\overline{",
    ],
    *[
        "apples",
        " cm",
        " km/h",
        "am",
        ":",
        "true",
        "\\begin{pmatrix}",
        "\\end{pmatrix}",
        "\\sin",
        "\\log_",
        "log",
        "\\binom",
        "\x00",
        "\u00b2",
        "\u221a",
    ],
    *[
        "####",
        "The answer is: ",
        "Question",
        "\\!",
        "{,}",
        "^\\circ",
        "'",
        '"',
        "\u0308",
        "\u0663",
        "\ud800",
        "\udfff",
        "\U0001f600",
        "\u202e",
        "\ufeff",
    ],
    *[
        "9^9^9^9",
        "9^{9^{9}}",
        "1/0",
        "0^{-1}",
        "1e999",
        "999999!",
        "\\sqrt[1000]{2}",
        "e^{e^{",
        "__import__('os').system('x')",
        "\\input{/etc/passwd}",
    ],
    *[
        "\\write18{id}",
        "{{}}",
        "%s%n",
        "$(id)",
        "<script>",
        "\\def\\x{\\x\\x}\\x",
        "lambda:0",
        "2^{1/99999999999}",
        "10^{10^{10}}",
        "-" * 50,
    ],
]
LONG = [
    "{" * 100_000,
    "(" * 50_000 + "x",
    "\\frac{" * 20_000,
    "\\boxed{" * 20_000,
    "#" * 100_000,
    "9" * 100_000,
    "\\text{" * 900,
    "^" * 999,
    "1+" * 499 + "1",
]
LONG += [
    "(a+b)^{30}+" * 90 + "1",
    "(((1+x)^{32})^{32})^{32}",
    "+".join(f"1/(x+{i})" for i in range(90)),
    "\\sin(" * 24 + "x" + ")" * 24,
    "x^" * 300 + "2",
]
LONG += [
    "\\sqrt{" * 150,
    "\\{" * 450,
    "1\\cup " * 140,
    "<1" * 400,
    "\\pm 1" * 200,
    "#### 1\n" * 15_000,
    "\\overline{3}" * 80,
    "1," * 50_000,
    "3!" * 400,
    "|" * 900,
]


def hostile(rng: random.Random) -> str:
    """A random text of hostile pieces, one in 500 a long one."""
    if rng.random() < 0.002:
        return rng.choice(LONG) + rng.choice(PIECES)
    return "".join(rng.choices(PIECES, k=rng.choice((1, 2, 3, 4, 6, 9, 14, 40))))


def peak_bytes() -> int:
    """This process's largest memory; getrusage's would count what its parent had when it was started."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def main() -> None:
    """Run, then print the counts."""
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(seed)
    counts = dict.fromkeys(("read", "unreadable", "inexact", "equal", "different", "undecided"), 0)
    slowest, began, before = 0.0, time.process_time(), dict.fromkeys(KINDS, "1")
    for _ in range(count):
        text, kind = hostile(rng), rng.choice(KINDS)
        start = time.process_time()
        family = rng.choice(("gsm8k", "math", "olympicarena", "plain"))
        counts["unreadable" if isinstance(read(text, family, "stop", kind), Unreadable) else "read"] += 1
        found = form(text, kind)
        assert canonical(found.text, kind) == found.text, (kind, text)
        counts["inexact"] += not found.exact
        relation = compare(text, before[kind], kind)
        assert relation == compare(before[kind], text, kind), (kind, text, before[kind])
        counts[relation] += 1
        before[kind] = text
        slowest = max(slowest, time.process_time() - start)
    seconds, peak = time.process_time() - began, peak_bytes()
    print(
        json.dumps(
            {
                "seed": seed,
                "strings": count,
                "seconds": round(seconds, 1),
                "slowest": round(slowest, 2),
                "peak_bytes": peak,
                **counts,
            }
        )
    )


if __name__ == "__main__":
    main()
