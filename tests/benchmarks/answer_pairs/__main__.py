"""Verdicts of `w2s.answers` on made pairs of answers, by kind of pair.

python -m tests.benchmarks.answer_pairs [--seed N] [--pairs N] [--kind KIND ...] [--show N] [--grade] [--file PATH]

Each kind draws its pairs from values: one value in two spellings, or two values that differ in a number, sign, unit,
order, bracket, letter or word. Target: nothing falsely equal, at most 1 % falsely different, at most 5 % undecided.
"""

import argparse
import json

from tests.benchmarks.answer_cases import OUTCOMES, judged, line, print_falsely_right, table
from tests.benchmarks.answer_pairs.kinds import KINDS, pairs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=300, help="pairs of each kind")
    parser.add_argument("--kind", nargs="*", default=list(KINDS), choices=list(KINDS), metavar="KIND")
    parser.add_argument("--show", type=int, default=0, help="so many wrong pairs of each kind and outcome")
    parser.add_argument("--grade", action="store_true", help="count the different pairs that `grade` calls right")
    parser.add_argument("--file", help="write the pairs here as JSON lines")
    options = parser.parse_args()
    cases = [case for kind in options.kind for case in pairs(kind, options.pairs, options.seed)]
    if options.file:
        with open(options.file, "w", encoding="utf-8") as lines:
            for case in cases:
                row = {"source": case.source, "kind": case.kind, "a": case.a, "b": case.b, "right": case.right}
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
    rows = list(judged(cases))
    print(f"seed {options.seed}")
    print(table((case.source, result) for case, _, result in rows))
    for kind in options.kind:
        for outcome in OUTCOMES[1:] if options.show else ():
            wrong = [(case, found) for case, found, result in rows if (case.source, result) == (kind, outcome)]
            for case, found in wrong[: options.show]:
                print(line(case, found))
    if options.grade:
        print_falsely_right(cases)


if __name__ == "__main__":
    main()
