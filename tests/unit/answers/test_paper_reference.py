"""The figures that the paper's own rules give on the published data, each one exactly.

The data are no part of this repository: W2S_REFERENCE names their folder.
"""

import gzip
import json
import os
from functools import cache
from pathlib import Path

import pytest

from tests.unit.method import whole_tables
from w2s.answers import equal, grade_class, paper
from w2s.recipe import Agreement, Answers, Pairs
from w2s.records import Completion, Problem, Reference

FOLDER = Path(os.environ.get("W2S_REFERENCE", Path(__file__).parents[3] / "../shared/reference")).resolve()
PAPER = Answers(family="gsm8k", equality="paper")
CANONICAL = Answers(family="gsm8k")
pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no reference data at {FOLDER}: set W2S_REFERENCE to its folder"),
]


@cache
def rows(name: str) -> list[dict]:
    with gzip.open(FOLDER / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@cache
def gold() -> dict[int, Reference]:
    return {
        r["id"]: Reference(str(r["id"]), r["solution"].rpartition("#### ")[2], r["solution"])
        for r in rows("gsm8k_train_2")
    }


def answer(text: str, family: str = "gsm8k") -> str:
    return paper.normalise(paper.extract(text, family))


def right_by_value(problem: int, text: str) -> bool:
    return equal(paper.extract(text, "gsm8k"), gold()[problem].answer)


def completion(problem: int, text: str, model: str = "m") -> Completion:
    return Completion(str(problem), 0, model, text, "stop", 0, 0, 0)


def test_weak_answers_equal_the_published_ones():
    weak = rows("gsm8k_llama2_7b_weak")
    assert len(weak) == 7000
    assert sum(answer(r["response"]) == r["pred"] for r in weak) == 7000
    assert sum(answer(r["response"]) == "" for r in weak) == 94


def test_weak_accuracy_by_string_and_by_value():
    weak = rows("gsm8k_llama2_7b_weak")
    by_string = [answer(r["response"]) == paper.normalise(gold()[r["id"]].answer) for r in weak]
    by_value = [right_by_value(r["id"], r["response"]) for r in weak]
    assert by_string == [r["result"] for r in weak]
    assert sum(by_string) == 2896
    assert sum(by_value) == 2909
    assert all(value >= string for value, string in zip(by_value, by_string, strict=True))
    graded = [grade_class(answer(r["response"]), gold()[r["id"]], "", PAPER).verdict for r in weak]
    assert graded.count("right") == 2896


@pytest.mark.parametrize(("iteration", "kept", "empty", "right"), [(1, 2683, 8, 2416), (2, 4022, 11, 3500)])
def test_selected_pairs_agree(iteration, kept, empty, right):
    selected = rows(f"gsm8k_llama2_7b_iter{iteration}_selected")
    both = [(answer(r["weak"]), answer(r["icl"])) for r in selected]
    assert len(selected) == kept
    assert sum(weak == icl for weak, icl in both) == kept
    assert sum(weak == icl == "" for weak, icl in both) == empty
    assert sum(right_by_value(r["id"], r["weak"]) for r in selected) == right
    assert sum(right_by_value(r["id"], r["icl"]) for r in selected) == right


def test_selected_math_pairs_agree():
    selected = rows("math_llama2_7b_iter1_selected")
    assert sum(answer(r["weak"], "math") == answer(r["icl"], "math") for r in selected) == len(selected) == 334


def test_published_preference_pairs():
    weak = {r["id"]: r["response"].strip() for r in rows("gsm8k_llama2_7b_weak")}
    pairs = rows("gsm8k_llama2_7b_pairs")
    assert len(pairs) == 2563
    assert sum(r["chosen"].strip() == weak[r["id"]] for r in pairs) == 866
    assert sum(r["rejected"].strip() == weak[r["id"]] for r in pairs) == 1697
    assert sum(right_by_value(r["id"], r["chosen"]) for r in pairs) == 2051
    assert sum(answer(r["chosen"]) == answer(r["rejected"]) for r in pairs) == 0
    assert sum(answer(r["rejected"]) == "" for r in pairs) == 43


@pytest.mark.parametrize(("answers", "kept"), [(PAPER, 2675), (CANONICAL, 2675)])
def test_the_filter_keeps_the_published_selection_without_its_empty_answers(answers, kept):
    selected = rows("gsm8k_llama2_7b_iter1_selected")
    problems = [Problem(str(r["id"]), "q") for r in selected]
    weak = [completion(r["id"], r["weak"]) for r in selected]
    icl = [completion(r["id"], r["icl"]) for r in selected]
    found = whole_tables.agreement(problems, weak, icl, (), Agreement(), answers)
    outcomes = [s.outcome for s in found.selection]
    assert outcomes.count("kept") == kept == len(selected) - 8
    assert sum(outcome.startswith("weak_unreadable") for outcome in outcomes) == 8


def test_by_value_no_published_agreement_is_lost_on_gsm8k():
    for iteration in (1, 2):
        for r in rows(f"gsm8k_llama2_7b_iter{iteration}_selected"):
            one, other = (paper.extract(r[side], "gsm8k") for side in ("weak", "icl"))
            assert equal(one, other), (one, other)


def test_by_value_three_published_agreements_on_math_are_none():
    """The paper compares what follows the last `=`: it takes two planes `... = 0` for one."""
    apart = []
    for r in rows("math_llama2_7b_iter1_selected"):
        one, other = (paper.extract(r[side], "math") for side in ("weak", "icl"))
        if not equal(one, other):
            apart.append((one, other))
    assert len(apart) == 3
    assert all("= 0" in one and "=0" in other for one, other in apart)


def test_published_pairs_that_share_a_value_are_not_made_again():
    pairs = rows("gsm8k_llama2_7b_pairs")
    same = [r for r in pairs if equal(answer(r["chosen"]), answer(r["rejected"]))]
    assert len(same) == 16
    problems = [Problem(str(r["id"]), "q") for r in same]
    samples = [Completion(str(r["id"]), i, "strong", r["chosen"], "stop", 0, 0, 0) for r in same for i in range(10)]
    weak = [completion(r["id"], r["rejected"], "weak") for r in same]
    rule = Pairs(min_pairs=1)
    assert len(whole_tables.pairs(problems, samples, weak, rule, PAPER).pairs) == 16
    with pytest.raises(ValueError, match="0 preference pairs"):
        whole_tables.pairs(problems, samples, weak, rule, CANONICAL)
