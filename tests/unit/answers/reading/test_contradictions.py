"""Several statements: equal, corrected, of different levels, contradicting."""

import pytest

from tests.unit.answers.reading.readings import reading

READ = [
    # family, kind, text, answer or reason
    ("math", "", "The answer is 5. The answer is 6.", "contradicting"),
    ("math", "", "The answer is 5. Actually, the answer is 6.", "6"),
    ("math", "", "The answer is: 3. Wait. The answer is: 4", "4"),
    ("math", "", "The answer is 5. The final answer is 6.", "6"),
    ("math", "", "The final answer is 5. The answer is 6.", "contradicting"),
    ("math", "", "Answer: 5\nAnswer: 6", "contradicting"),
    ("math", "", "The answer is 0.5. The answer is 1/2.", "1/2"),
    ("math", "", "\\boxed{5} The answer is: 6", "6"),
    ("math", "", "The answer is: 6 \\boxed{5}", "contradicting"),
    ("math", "", "The answer is: 6.\n\\boxed{5}", "contradicting"),
    ("math", "", "Answer: 5 cm. The answer is 5.", "5 cm"),
]


@pytest.mark.parametrize(("family", "kind", "text", "expected"), READ)
def test_reading(family, kind, text, expected):
    assert reading(text, family, kind) == expected
