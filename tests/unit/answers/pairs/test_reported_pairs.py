"""The reported inputs of other graders: at most so many verdicts are not the right one."""

from collections import Counter
from functools import cache

import pytest

from tests.benchmarks.answer_cases import OUTCOMES, Case, judged, line
from tests.unit.answers.pairs.reported_pairs import COMPLETIONS, PAIRS

AT_MOST = {"falsely equal": 0, "falsely different": 0, "undecided": 0, "asymmetric": 0, "misread": 2}


def cases() -> list[Case]:
    pairs = [Case(a, b, kind, right, "", source, why) for source, a, b, kind, right, why in PAIRS]
    return pairs + [
        Case(completion, gold, kind, right, family, source, why)
        for source, completion, gold, family, kind, right, why in COMPLETIONS
    ]


@cache
def wrong() -> list[tuple[Case, str, str]]:
    return [row for row in judged(cases()) if row[2] != "right"]


@pytest.mark.parametrize("outcome", OUTCOMES[1:])
def test_reported_pairs(outcome):
    for case, found, result in wrong():
        if result == outcome:
            print(f"{case.source}: {line(case, found)}")
    assert Counter(result for _, _, result in wrong())[outcome] <= AT_MOST[outcome]


def test_the_reports_are_at_least_25_and_no_input_is_there_twice():
    assert len({case.source for case in cases()}) >= 25
    assert len({(case.a, case.b, case.kind) for case in cases()}) == len(PAIRS) + len(COMPLETIONS)
