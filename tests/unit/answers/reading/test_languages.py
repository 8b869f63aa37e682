# ruff: noqa: RUF001 (signs of many languages)
"""Announcements in other languages, and decimal commas."""

import pytest

from tests.unit.answers.reading.readings import reading

READ = [
    # family, kind, text, answer or reason
    ("math", "", "La respuesta es 5.", "5"),
    ("math", "", "La respuesta final es $5$.", "$5$"),
    ("math", "", "Respuesta: 5", "5"),
    ("math", "", "La réponse est 5.", "5"),
    ("math", "", "Réponse : 5", "5"),
    ("math", "", "Die Antwort ist 3,5.", "3,5"),
    ("math", "", "Die Antwort lautet: 5", "5"),
    ("math", "", "Antwort: 5", "5"),
    ("math", "", "La risposta è 5.", "5"),
    ("math", "", "A resposta é 5.", "5"),
    ("math", "", "答案是 5。", "5"),
    ("math", "", "答案：5", "5"),
    ("math", "", "最终答案是 $5$。", "$5$"),
    ("math", "", "Ответ: 5", "5"),
    ("math", "", "答え：5", "5"),
    ("math", "", "所以答案为 5", "5"),
    ("math", "", "因此，答案是：$\\frac{1}{2}$", "$\\frac{1}{2}$"),
]


@pytest.mark.parametrize(("family", "kind", "text", "expected"), READ)
def test_reading(family, kind, text, expected):
    assert reading(text, family, kind) == expected
