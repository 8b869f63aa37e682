"""Tags, end tokens and thinking."""

import pytest

from tests.unit.answers.reading.readings import reading

READ = [
    # family, kind, text, answer or reason
    ("plain", "", "<answer>5</answer>", "5"),
    ("math", "", "<answer>\n5\n</answer>", "5"),
    ("math", "", "<think>The answer is 3.</think>The answer is 4.", "4"),
    ("math", "", "<think>\\boxed{3}</think>", "empty"),
    ("math", "", "<think>\\boxed{3}", "empty"),
    ("math", "", "\\boxed{3}</think>\\boxed{4}", "4"),
    ("math", "", "<answer>\\boxed{5}</answer>", "5"),
    ("math", "", "<answer>$x=5$</answer>", "$x=5$"),
    ("math", "", "<final_answer>5</final_answer>", "5"),
    ("math", "", "\\boxed{5}<|eot_id|>\\boxed{6}", "5"),
    ("math", "", "<s>\\boxed{5}</s>", "5"),
    ("math", "", "<|im_start|>assistant\n\\boxed{5}<|im_end|>", "5"),
]


@pytest.mark.parametrize(("family", "kind", "text", "expected"), READ)
def test_reading(family, kind, text, expected):
    assert reading(text, family, kind) == expected
