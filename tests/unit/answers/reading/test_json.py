"""Answers in a field of JSON."""

import pytest

from tests.unit.answers.reading.readings import reading

READ = [
    # family, kind, text, answer or reason
    ("math", "", '{"answer": "4", "explanation": "2+2"}', "4"),
    ("math", "", '{"explanation": "2+2", "answer": 4}', "4"),
    ("math", "", '```json\n{\n  "answer": "x = 5"\n}\n```', "x = 5"),
    ("math", "", '{"answer": "\\\\frac{1}{2}"}', "\\frac{1}{2}"),
    ("math", "", "{'answer': '4'}", "4"),
]


@pytest.mark.parametrize(("family", "kind", "text", "expected"), READ)
def test_reading(family, kind, text, expected):
    assert reading(text, family, kind) == expected
