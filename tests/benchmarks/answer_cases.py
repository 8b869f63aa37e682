"""Verdicts of `w2s.answers` on the collected cases beside the right ones: pairs of answers, and completions with gold.

python -m tests.benchmarks.answer_cases [--kind KIND] [--source TEXT] [--wrong] [--grade]

The cases are no part of this repository: W2S_CASES names their file, JSON lines of source, family, kind, right, why and
either a, b or completion, gold. Only the right verdict counts; `undecided` is right where nobody could say.
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from w2s.answers import Answer, Unreadable, compare, grade, read
from w2s.answers.reading import Family

FILE = Path(os.environ.get("W2S_CASES", Path(__file__).parents[2] / "../shared/cases/answers.jsonl")).resolve()
OUTCOMES = ("right", "falsely equal", "falsely different", "undecided", "asymmetric", "misread")
"""Of one case: the outcomes after the first are errors, in the order of harm but for the last two.

`undecided`: a reader can say. `asymmetric`: the verdict depends on the order of the two answers. `misread`: the
completion has another final answer, or none. The pair of a case that is right as `undecided` is falsely equal or
falsely different where a verdict is given.
"""


@dataclass(frozen=True, slots=True)
class Case:
    """Two answers of one kind, or a completion and a gold answer, and the verdict of a careful reader."""

    a: str  # the completion, if `family` is read
    b: str  # the gold answer, if `family` is read
    kind: str
    right: str  # equal, different, undecided, or two of them joined by " or ";
    # of a completion: right, wrong, undecided, unreadable[:reason]
    family: Family | Literal[""] = ""  # of a completion; '' for a pair
    source: str = ""
    why: str = ""


def load(path: Path = FILE) -> list[Case]:
    """All cases of a file, in its order."""
    with path.open(encoding="utf-8") as lines:
        return [_case(json.loads(line)) for line in lines if line.strip()]


def _case(row: dict[str, Any]) -> Case:
    if "completion" in row:
        sides, family = (row["completion"], row["gold"] or ""), row["family"]
    else:
        sides, family = (row["a"], row["b"]), ""
    return Case(*sides, row["kind"], row["right"], family, row.get("source", ""), row.get("why", ""))


def verdict(case: Case) -> str:
    """The verdict of `w2s.answers`, in the words of `Case.right`; `asymmetric` if the order of a pair counts."""
    if not case.family:
        forth, back = compare(case.a, case.b, case.kind), compare(case.b, case.a, case.kind)
        return forth if forth == back else "asymmetric"
    answer = read(case.a, case.family, "stop", case.kind)
    if isinstance(answer, Unreadable):
        return f"unreadable:{answer.reason}"
    return grade(answer, case.b, case.kind).verdict if case.b else "read"


def outcome(case: Case, found: str) -> str:
    """Which of `OUTCOMES` a verdict is."""
    if found in case.right.split(" or ") or (case.right == "unreadable" and found.startswith("unreadable")):
        return "right"
    if found == "asymmetric":
        return "asymmetric"
    if case.family:
        return {"right": "falsely equal"}.get(found, "undecided" if found == "undecided" else "misread")
    return "undecided" if found == "undecided" else f"falsely {found}"


def judged(cases: Iterable[Case]) -> Iterator[tuple[Case, str, str]]:
    """Each case with the verdict and its outcome."""
    for case in cases:
        found = verdict(case)
        yield case, found, outcome(case, found)


def falsely_right(cases: Iterable[Case]) -> Iterator[str]:
    """The pairs of certainly different answers that `grade` calls right, in one order or in both, one a line.

    `compare` may be undecided on them: then Math-Verify's second opinion decides.
    """
    for case in cases:
        if case.right != "different" or case.family:
            continue
        verdicts = {grade(Answer(a), b, case.kind).verdict for a, b in ((case.a, case.b), (case.b, case.a))}
        if "right" in verdicts:
            yield line(case, f"graded {' and '.join(sorted(verdicts))}")


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Counts of (name, outcome) by name, with a line of totals."""
    counts: dict[str, Counter[str]] = {}
    for name, result in rows:
        counts.setdefault(name, Counter())[result] += 1
    counts = {**dict(sorted(counts.items())), "all": sum(counts.values(), Counter())}
    width = max(map(len, counts))
    lines = [" ".join((" " * width, "cases", *OUTCOMES))]
    for name, of in counts.items():
        cells = (f"{of[result]:{len(result)}}" for result in OUTCOMES)
        lines.append(" ".join((f"{name:{width}}", f"{of.total():5}", *cells)))
    return "\n".join(lines)


def line(case: Case, found: str) -> str:
    """One case on one line, with what was said of it."""
    sides = f"{case.a!r} | {case.b!r}"
    sides = sides if len(sides) <= 200 else f"{sides[:120]} ... {sides[-75:]}"
    return f"{case.family or 'pair'} {case.kind or chr(39) * 2} {sides} is {case.right}, not {found}: {case.why}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", help="only this answer kind; '' for cases without one, 'read' for completions")
    parser.add_argument("--source", default="", help="only cases whose source contains this text")
    parser.add_argument("--wrong", action="store_true", help="print the cases that are not right, the worst first")
    parser.add_argument("--grade", action="store_true", help="count the different pairs that `grade` calls right")
    options = parser.parse_args()
    rows = [
        (case, found, result)
        for case, found, result in judged(case for case in load() if options.source in case.source)
        if options.kind is None or options.kind == ("read" if case.family else case.kind)
    ]
    print(table((f"read {case.family}" if case.family else case.kind or "''", result) for case, _, result in rows))
    if options.wrong:
        wrong = [row for row in rows if row[2] != "right"]
        for case, found, _ in sorted(wrong, key=lambda row: OUTCOMES.index(row[2])):
            print(line(case, found))
    if options.grade:
        print_falsely_right(case for case, _, _ in rows)


def print_falsely_right(cases: Iterable[Case]) -> None:
    found = list(falsely_right(cases))
    print(f"different pairs that grade calls right: {len(found)}", *found, sep="\n")


if __name__ == "__main__":
    main()
