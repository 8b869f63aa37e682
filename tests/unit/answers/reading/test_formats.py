"""A quoted format is no statement."""

import pytest

from tests.unit.answers.reading.readings import reading

READ = [
    # family, kind, text, answer or reason
    ("gsm8k", "", "The format is #### <answer>.\n#### 15", "15"),
    ("gsm8k", "", 'End with "#### 5".\n#### 15', "15"),
    ("gsm8k", "", "#### [answer]\n#### 15", "15"),
    ("gsm8k", "", "#### ANSWER\n#### 15", "15"),
    ("gsm8k", "", "I will write `#### 42` at the end.\n#### 15", "15"),
    ("gsm8k", "", "#### answer\n#### 15", "15"),
    ("gsm8k", "", "#### <number>", "no_marker"),
    ("gsm8k", "", "#### ...\n#### 15", "15"),
    ("gsm8k", "", "#### {answer}\n#### 7", "7"),
    ("gsm8k", "", "#### your answer\n#### 7", "7"),
    ("math", "", 'Please end with "The answer is: X". The answer is: 5', "5"),
    ("math", "", "The format is 'The final answer is $\\boxed{ANSWER}$'. The final answer is $\\boxed{5}$", "5"),
    ("math", "", "The final answer is $\\boxed{ANSWER}$, where ANSWER is $5$", "$5$"),
    ("math", "", "The answer is [your answer]. The answer is 5", "5"),
    ("math", "", "Answer: <answer>\nAnswer: 5", "5"),
    ("math", "", "The final answer is \\boxed{\\text{answer}}. It is \\boxed{5}.", "5"),
    ("math", "", 'Write "The answer is 3" on the board. \\boxed{5}', "5"),
    ("math", "", "The answer is: ___\nThe answer is: 5", "5"),
]


@pytest.mark.parametrize(("family", "kind", "text", "expected"), READ)
def test_reading(family, kind, text, expected):
    assert reading(text, family, kind) == expected
