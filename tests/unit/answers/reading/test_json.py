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
    ("math", "", '{"reasoning": "2 and 2", "final_answer": 12}', "12"),
    ("plain", "", '{"answer": 7.5}', "7.5"),
    ("gsm8k", "", '{"answer": 18}', "18"),
    ("olympicarena", "SC", '{"answer": "B"}', "B"),
    ("math", "", 'Here it is: {"answer": 3}', "3"),
    ("math", "", '{"result": {"answer": 9}}', "9"),
    ("math", "", '{"answer": -3, "unit": "m"}', "-3"),
    ("math", "", '{"answer": 1.5e3, "unit": "m"}', "1.5e3"),
    ("math", "", '{"answer": [1, 2], "sorted": true}', "[1, 2]"),
    ("math", "", '{"answer": true}', "true"),
    ("math", "", '{"answer": null}', "no_marker"),
    ("math", "", '{"answer": ""}', "empty"),
    ("math", "", '{"answer": "<your answer>"}', "no_marker"),
    ("math", "", '{"answer": "5"}\n{"answer": "6"}', "contradicting"),
    ("math", "", '{"answer": "5"}\n\n{"answer": 5.0}', "5.0"),
    ("math", "", '{\n  "answer": "1,000",\n  "confidence": 0.9\n}', "1,000"),
    ("math", "", '```json\n{"answer": 11}\n```\nDone.', "11"),
]


@pytest.mark.parametrize(("family", "kind", "text", "expected"), READ)
def test_reading(family, kind, text, expected):
    assert reading(text, family, kind) == expected
