"""The mark `####` in its variants, and headings that look like it."""

import pytest

from tests.unit.answers.reading.readings import reading

READ = [
    # family, kind, text, answer or reason
    ("gsm8k", "", "#### **5**", "5"),
    ("gsm8k", "", "#### *5*", "5"),
    ("gsm8k", "", "#### `5`", "5"),
    ("gsm8k", "", "#### __5__", "5"),
    ("gsm8k", "", "####: 5", "5"),
    ("gsm8k", "", "#### = 5", "5"),
    ("gsm8k", "", "#### $\\boxed{5}$", "5"),
    ("gsm8k", "", "#### \\boxed{5}", "5"),
    ("gsm8k", "", "#### \\$5", "\\$5"),
    ("gsm8k", "", "####\n\n5", "5"),
    ("gsm8k", "", "####\n**5**", "5"),
    ("gsm8k", "", "#### \n\n$5", "$5"),
    ("gsm8k", "", "#### Answer: 5", "5"),
    ("gsm8k", "", "#### Final Answer: 5", "5"),
    ("gsm8k", "", "#### Answer\n5", "5"),
    ("gsm8k", "", "#### Final Answer\n**5**", "5"),
    ("gsm8k", "", "#### Total = 5", "5"),
    ("gsm8k", "", "#### 5 (five)", "5"),
    ("gsm8k", "", "#### 5, because 2+3=5", "5"),
    ("gsm8k", "", "#### 5.0", "5.0"),
    ("gsm8k", "", "#### -5", "-5"),
    ("gsm8k", "", "#### 1/2", "1/2"),
    ("gsm8k", "", "#### 2 hours 30 minutes", "2 hours 30 minutes"),
    ("gsm8k", "", "#### 5 dollars", "5 dollars"),
    ("gsm8k", "", "#### 5 dollars per day", "5 dollars per day"),
    ("gsm8k", "", "#### The final answer is 5.", "5"),
    ("gsm8k", "", "The answer is #### 5", "5"),
    ("gsm8k", "", "The answer is 5.\n#### 6", "6"),
    ("gsm8k", "", "#### 5\nThe answer is 6", "contradicting"),
    ("gsm8k", "", "#### 5\nThe answer is 5", "5"),
    ("gsm8k", "", "#### 5\nWait, that is wrong.\n#### 6", "6"),
    ("gsm8k", "", "#### 5\n\nLet me know!", "5"),
    ("gsm8k", "", "### 5", "5"),
    ("gsm8k", "", "## 5", "5"),
    ("gsm8k", "", "##### 5", "5"),
    ("gsm8k", "", "### Step 1: add\n3+4=7\n### Step 2: stop\n#### 7", "7"),
    ("gsm8k", "", "#### Solution\n3+4=7\n#### 7", "7"),
    ("gsm8k", "", "#### 1. Add\n3+4=7\nThe answer is 7", "7"),
    ("gsm8k", "", "### 3 apples each\nSo 3*4 = 12\n#### 12", "12"),
    ("gsm8k", "", "#### 5 #### 6", "contradicting"),
    ("gsm8k", "", "#### 5 #### 5", "5"),
    ("gsm8k", "", "#### ", "empty"),
    ("gsm8k", "", "#### none", "none"),
    ("gsm8k", "", "so #### 5", "5"),
    ("gsm8k", "", "#### 1,000", "1,000"),
    ("gsm8k", "", "#### 3 apples and 4 pears", "3 apples and 4 pears"),
    ("gsm8k", "", "#### x = 5", "5"),
    ("gsm8k", "", "#### <5>", "5"),
    ("gsm8k", "", "#### 5</s>", "5"),
    ("gsm8k", "", "#### 5<|im_end|>", "5"),
    ("gsm8k", "", "#### ≈5", "5"),
]


@pytest.mark.parametrize(("family", "kind", "text", "expected"), READ)
def test_reading(family, kind, text, expected):
    assert reading(text, family, kind) == expected
