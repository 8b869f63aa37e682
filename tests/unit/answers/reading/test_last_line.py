"""The last line of a text that announces no answer (`plain`)."""

import pytest

from tests.unit.answers.reading.readings import reading

READ = [
    # family, kind, text, answer or reason
    ("plain", "", "12 (in 2020)", "12"),
    ("plain", "", "3 apples for 4 children", "3"),
    ("plain", "", "So the total is 12.", "12"),
    ("plain", "", "It costs 5 or 7 dollars", "5 or 7 dollars"),
    ("plain", "", "In 2020 he had 12 apples.", "12"),
    ("plain", "", "The 4 children get 3 apples each.", "3"),
    ("plain", "", "He has 5 of the 12 apples.", "5 of the 12 apples"),
    ("plain", "", "x = -3", "-3"),
    ("plain", "", "3 million is the answer.", "3 million"),
    ("plain", "", "After 3 days, 12 of them remain", "After 3 days, 12 of them remain"),
    ("plain", "", "Each of the 4 children takes 3 of 12 apples", "3 of 12 apples"),
    ("plain", "", "There are 12 apples in 3 baskets.", "12"),
    ("plain", "", "He is 12 and she is 14.", "12 and she is 14"),
    ("plain", "", "$x = 5$", "5"),
    ("plain", "", "Result = 2^10", "2^10"),
    ("plain", "", "Total: 1,200", "1,200"),
    ("plain", "", "The area is $12\\pi$.", "12\\pi"),
    ("plain", "", "12\n\nI hope this helps!", "12"),
    ("plain", "", "12\n\nLet me know if you need 3 more.", "12"),
    ("plain", "", "12!", "contradicting"),
    ("plain", "", "You get 12!", "12"),
    ("plain", "", "We add 3 and 4. So the total is 7.", "7"),
    ("plain", "", "She has 3. He has 4.", "contradicting"),
    ("plain", "", "It is 3 and 4", "3 and 4"),
    ("plain", "", "3, 4, 5", "3, 4, 5"),
    ("plain", "", "Paris.", "Paris"),
    ("plain", "", "The capital is Paris.", "The capital is Paris"),
    ("plain", "", "It takes 3 hours 20 minutes.", "3 hours 20 minutes"),
    ("plain", "", "50%", "50%"),
    ("plain", "", "12 apples, since 3*4 = 12.", "12"),
    ("plain", "", "5-3=2", "2"),
    ("plain", "", "Therefore 5 + 3 = 8", "8"),
    ("plain", "", "- 12", "contradicting"),
    ("plain", "", "**12**", "12"),
    ("plain", "", "> 12", "> 12"),
    ("plain", "", "5 km", "5 km"),
    ("plain", "", "He needs 5 boxes in 3 days", "5"),
    ("plain", "", "1 in 6", "1 in 6"),
    ("plain", "", "12 in 2020", "12"),
    ("plain", "", "about 12", "12"),
    ("plain", "", "12.", "12"),
    ("plain", "", "The probability is 1/6.", "1/6"),
    ("plain", "", "x^2 + 1", "x^2 + 1"),
    ("plain", "", "(3, 4)", "(3, 4)"),
    ("plain", "", "True", "True"),
    ("plain", "", "7:30 pm", "7:30 pm"),
    ("plain", "", "March 5", "March 5"),
    ("plain", "", "It was 5 degrees below zero", "5 degrees below zero"),
    ("plain", "", "10+111 so it's $121$", "121"),
    ("plain", "", "5 (five)", "5"),
    ("plain", "", "12 -- as expected", "12"),
    ("plain", "", "The answer: 12", "12"),
    ("plain", "", "Final: 1/2", "1/2"),
]


@pytest.mark.parametrize(("family", "kind", "text", "expected"), READ)
def test_reading(family, kind, text, expected):
    assert reading(text, family, kind) == expected
