"""Time of `w2s.answers` beside Math-Verify on the same pairs, on hostile strings, and of merge() for many hard values.

python -m tests.benchmarks.answer_speed

Pairs: the collected cases (W2S_CASES), and GSM8K and MATH answers of the published data (W2S_REFERENCE), each pair once
and each part where its file is present. Seconds are processor time of fresh processes, so that caches are empty and
other load matters little.
"""

import gzip
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.benchmarks import answer_cases
from tests.unit.answers.hostile import LONG
from w2s.answers import Answer, canonical, compare, merge, read

REFERENCE = Path(os.environ.get("W2S_REFERENCE", Path(__file__).parents[2] / "../shared/reference")).resolve()
RATIO_TARGET, HOSTILE_TARGET = 50, 0.7
MATH_VERIFY_SECONDS = 1  # Math-Verify's limit for one parse and for one comparison
SIZES = (64, 128, 256)

Pair = tuple[str, str, str]  # two answers and their kind
HOSTILE = [
    *LONG,
    *(
        "9^9^9^9",
        "10^{10^{10^{10}}}",
        "1e999999999",
        "999999!",
        "x^{99999999}",
        "\\binom{99999999}{4999999}",
        "2^{99999}+1",
    ),
    *(
        "\\sqrt{" + "9" * 300 + "}",
        "1" + "/3" * 480,
        "-".join("12" for _ in range(330)),
        "1/" * 490 + "1",
        "1, " * 330 + "1",
    ),
    *(
        "\\frac{1}{" * 160 + "x" + "}" * 160,
        "(1+\\sqrt{2})^{999}",
        "\\sum_{k=1}^{999999999} k^{99}",
        "\\gcd(" + "9" * 480 + "," + "8" * 480 + ")",
    ),
    *(
        "5 kg" + " m" * 480,
        "5 " + "m/" * 480 + "s",
        "5 " + "kg^{2} " * 120,
        "one hundred " * 80,
        "and " * 240,
        "not " * 240,
    ),
    *(
        "x=1, " * 190 + "x=2",
        "[1,2]\\cup" * 90 + "[1,3]",
        "x<1 or " * 140 + "x>2",
        "f(" * 300 + "2" + ")" * 300,
        "$" * 999,
    ),
    *(
        "**" * 480,
        "A, " * 320 + "B",
        "(A) " * 240,
        "AB" * 490,
        "\\text{" * 150 + "a" + "}" * 150,
        "H_2O + " * 140 + "O_2 -> H_2O",
    ),
    *(
        "1 2 " * 240,
        "1:" * 480,
        "0." + "3" * 990,
        "0.(" + "3" * 990 + ")",
        "1" * 990 + "_2",
        "\\sin(" * 140 + "1" + ")" * 140,
        "e^{" * 240 + "1" + "}" * 240,
    ),
    *(
        "+".join(f"\\sqrt{{{k}}}" for k in range(2, 80)),
        "*".join(f"(x+{k})" for k in range(160)),
        "+".join(f"\\sin {k}" for k in range(110)),
    ),
]


def pairs() -> dict[str, list[Pair]]:
    """Distinct pairs by name of their source."""
    found: dict[str, list[Pair]] = {}
    if answer_cases.FILE.is_file():
        found["cases"] = [(case.a, case.b, case.kind) for case in answer_cases.load() if not case.family]
    if REFERENCE.is_dir():
        found["GSM8K"] = _readable((row["response"], f"#### {row['gold']}") for row in _rows("gsm8k_llama2_7b_weak"))
        found["MATH"] = _readable((row["weak"], row["icl"]) for row in _rows("math_llama2_7b_iter1_selected"))
        golds = [row["answer"] for row in _rows("math_test")]
        found["MATH"] += [(one, other, "") for one, other in zip(golds[::2], golds[1::2], strict=True)]
    return {name: list(dict.fromkeys(of)) for name, of in found.items()}


def _readable(completions: Iterable[tuple[str, str]]) -> list[Pair]:
    """The answers of two completions each, where both have one."""
    found: list[Pair] = []
    for texts in completions:
        one, other = (read(text, "gsm8k" if "####" in texts[1] else "math") for text in texts)
        if isinstance(one, Answer) and isinstance(other, Answer):
            found.append((one.text, other.text, ""))
    return found


def _rows(name: str) -> list[dict[str, str]]:
    with gzip.open(REFERENCE / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def ours(of: list[Pair]) -> list[float]:
    """Seconds of each pair."""
    for warm in ("-$1850", "5 cm", "x+1", "137^\\circ"):  # builds tables, as below
        compare(warm, "26667")
    ends = [time.process_time()]
    for a, b, kind in of:
        compare(a, b, kind)
        ends.append(time.process_time())
    return [end - start for start, end in pairwise(ends)]


def math_verify(of: list[Pair]) -> float:
    """Two parses and a comparison for each pair; its own time limits end the few that would take minutes."""
    import logging

    from math_verify import LatexExtractionConfig, parse, verify

    logging.disable(logging.CRITICAL)
    config = [LatexExtractionConfig()]

    def judge(a: str, b: str) -> None:
        sides = [parse(f"${text}$", config, parsing_timeout=MATH_VERIFY_SECONDS) for text in (a, b)]
        verify(sides[0], sides[1], timeout_seconds=MATH_VERIFY_SECONDS)

    judge("1", "1")  # builds the parser's tables
    start = time.process_time()
    for a, b, _ in of:
        judge(a, b)
    return time.process_time() - start


def hostile(texts: list[str]) -> list[float]:
    """Seconds of each text: its form, the form of that, its comparison with a number and with the next text."""
    found: list[float] = []
    for text, other in zip(texts, [*texts[1:], texts[0]], strict=True):
        start = time.process_time()
        for kind in ("", "NV"):
            canonical(canonical(text, kind), kind)
            compare(text, "2", kind)
            compare(text, other, kind)
        found.append(time.process_time() - start)
    return found


def merging(texts: list[str]) -> float:
    kind = "NV" if texts[0].endswith("cm") else ""
    forms = [canonical(text, kind) for text in texts]
    start = time.process_time()
    merge(forms, kind)
    return time.process_time() - start


HARD: dict[str, Callable[[int], str]] = {
    "sines": lambda k: f"\\sin {k}",
    "lengths": lambda k: f"{k} cm",
    "roots": lambda k: f"\\sqrt{{{k}+\\sqrt{{2}}}}",
    "logarithms": lambda k: f"\\ln {k} + e",
    "unread": lambda k: f"the case of {k} and not of {k + 1}",
}


def main() -> None:
    for name, of in pairs().items():
        each, their_seconds = fresh(ours, of), fresh(math_verify, of)
        seconds = sum(each)
        ratio = their_seconds / seconds
        verdict = "met" if ratio >= RATIO_TARGET else "missed"
        print(
            f"{name}, {len(of):,} pairs: {seconds / len(of) * 1e6:.0f} us a pair, Math-Verify "
            f"{their_seconds / len(of) * 1e6:.0f} us, ratio {ratio:.0f} (target {RATIO_TARGET}: {verdict})",
            flush=True,
        )
        for taken, (a, b, kind) in sorted(zip(each, of, strict=True), reverse=True)[:3]:
            print(f"  {taken * 1e3:.0f} ms: {a[:60]!r} | {b[:60]!r} {kind}", flush=True)
    slowest = sorted(zip(fresh(hostile, HOSTILE), HOSTILE, strict=True), reverse=True)
    verdict = "met" if slowest[0][0] <= HOSTILE_TARGET else "missed"
    print(f"hostile strings: slowest of {len(HOSTILE)} {slowest[0][0]:.2f} s (target {HOSTILE_TARGET}: {verdict})")
    for seconds, text in slowest[:3]:
        print(f"  {seconds:.2f} s: {text[:60]!r}, {len(text):,} characters")
    for name, spell in HARD.items():
        times = (f"{n}: {fresh(merging, [spell(k + 2) for k in range(n)]):.2f} s" for n in SIZES)
        print(f"merge of distinct {name}, by number of values: {', '.join(times)}", flush=True)


def fresh(timed: Callable[[Any], Any], given: Any) -> Any:
    """The result of a call in a process of its own, whose main thread it uses, as Math-Verify's limits need."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(timed, given).result()


if __name__ == "__main__":
    main()
