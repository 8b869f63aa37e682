# ruff: noqa: RUF001 (signs of many languages)
"""Where the next exercise begins, and words that begin none."""

import pytest

from tests.unit.answers.reading.readings import reading

READ = [
    # family, kind, text, answer or reason
    ("gsm8k", "", "#### 5\nQuestion", "5"),
    ("gsm8k", "", "#### 5\n\nQ", "5"),
    ("gsm8k", "", "#### 5 in Question\n#### 6", "contradicting"),
    ("plain", "", "5\nIs that a question?", "5"),
    ("gsm8k", "", "#### 5\n\nQuestion: next\n#### 6", "5"),
    ("gsm8k", "", "#### 5\n\nQ: next\n#### 6", "5"),
    ("gsm8k", "", "#### 5\n\nProblem: next\n#### 6", "5"),
    ("gsm8k", "", "#### 5\n\nHuman: next\n#### 6", "5"),
    ("gsm8k", "", "#### 5\n\nQuestion 2: next\n#### 6", "5"),
    ("gsm8k", "", "#### 5\n\n**Question:** next\n#### 6", "5"),
    ("gsm8k", "", "#### 5\n\n### Instruction: next\n#### 6", "5"),
    ("gsm8k", "", "#### 5\nUser: next\n#### 6", "5"),
    ("gsm8k", "", "#### 5\nNext question: next\n#### 6", "5"),
    ("gsm8k", "", "#### 5\nExercise 3: next\n#### 6", "5"),
    ("gsm8k", "", "#### 5\nQ2: next\n#### 6", "5"),
    ("gsm8k", "", "#### 5\nQUESTION: next\n#### 6", "5"),
    ("gsm8k", "", "Question 1 asks for x.\n#### 5", "5"),
    ("gsm8k", "", "The Questionnaire had 5 items.\n#### 5", "5"),
    ("gsm8k", "", "Questions Mark did: 5\n#### 5", "5"),
    ("gsm8k", "", "The Question: how many?\n#### 5", "5"),
    ("gsm8k", "", "Problem solving takes 5 steps.\n#### 5", "5"),
    ("gsm8k", "", "He is Human: 5\n#### 5", "5"),
    ("gsm8k", "", "#### 5\n问题：next\n#### 6", "5"),
    ("gsm8k", "", "#### 5\nPregunta: next\n#### 6", "5"),
]


@pytest.mark.parametrize(("family", "kind", "text", "expected"), READ)
def test_reading(family, kind, text, expected):
    assert reading(text, family, kind) == expected
