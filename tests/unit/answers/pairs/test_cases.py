"""The collected cases of answer graders' bugs and variants of them: at most so many verdicts are not the right one.

The cases are no part of this repository: W2S_CASES names their file. `python -m tests.benchmarks.answer_cases --wrong`
prints the same failures by kind.
"""

from collections import Counter
from functools import cache

import pytest

from tests.benchmarks.answer_cases import FILE, Case, judged, line, load

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"no cases at {FILE}: set W2S_CASES to their file")

AT_MOST = {"falsely equal": 2, "falsely different": 0, "undecided": 7, "asymmetric": 0, "misread": 0}


@cache
def wrong() -> list[tuple[Case, str, str]]:
    return [row for row in judged(load()) if row[2] != "right"]


@pytest.mark.parametrize("outcome", AT_MOST)
def test_cases(outcome):
    for case, found, result in wrong():
        if result == outcome:
            print(line(case, found))
    assert Counter(result for _, _, result in wrong())[outcome] <= AT_MOST[outcome]
