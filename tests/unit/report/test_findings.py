"""The report's first sentence, and the signs that a run was not worth its cost."""

from typing import Any

import pytest

from tests.unit.report.test_report import RIGHT, document
from w2s.report.findings import doubts, headline
from w2s.report.page import html
from w2s.report.text import text


def test_the_headline_is_about_the_better_model_of_stage_two() -> None:
    said = headline(document(RIGHT | {"orpo": 80}))
    assert said.startswith("orpo 80.0 % [") and "40.0 points over its teacher" in said
    assert "10.0 points under training on gold" in said and "PGR 80.0 % [" in said


@pytest.mark.parametrize(
    ("right", "start"),
    [
        ({"weak_floor": 40, "hybrid_ft_1": 50, "hybrid_ft_2": 45}, "hybrid_ft_2 45.0 % ["),  # the last round is M_plus
        ({"weak_floor": 40, "m_plus_1": 50}, "m_plus_1 50.0 % ["),
        ({"dpo": 50}, "dpo 50.0 % ["),
    ],
)
def test_the_headline_without_some_models(right: dict[str, int], start: str) -> None:
    assert headline(document(right)).startswith(start) and "PGR" not in headline(document(right))


def test_no_model_of_the_method_no_headline() -> None:
    assert headline(document({"weak_floor": 40, "ceiling": 90})) == ""


def pairs(chosen: int, rejected: int, total: int = 40) -> dict[str, Any]:
    shares = {"chosen_right": chosen, "rejected_right": rejected}
    return {"pairs": {name: {"numerator": count, "denominator": total} for name, count in shares.items()}}


@pytest.mark.parametrize(
    ("right", "audit", "said"),
    [
        (RIGHT, {}, []),
        (RIGHT, pairs(38, 3), []),
        (RIGHT | {"weak_floor": 0}, {}, ["weak_floor has no right answer in 100"]),
        (RIGHT | {"ceiling": 40}, {}, ["is not surely above weak_floor", "ceiling is below dpo"]),
        (RIGHT | {"dpo": 40}, {}, ["dpo is below hybrid_ft_1: -30.0 points"]),
        (RIGHT | {"full_icl_ft": 90}, {}, ["dpo is below full_icl_ft: -15.0 points"]),
        (RIGHT | {"dpo": 69}, {}, []),  # below by chance
        (RIGHT, pairs(12, 3), ["30.0 % of the chosen sides are right"]),
        (RIGHT, pairs(24, 30), ["60.0 % of the chosen sides are right, and 75.0 % of the rejected"]),
        (RIGHT, pairs(1, 0, total=4), []),  # too few to say
    ],
)
def test_doubts(right: dict[str, int], audit: dict[str, Any], said: list[str]) -> None:
    report = document(right, audit=audit)
    found = list(doubts(report))
    assert len(found) == len(said) and all(part in sentence for part, sentence in zip(said, found, strict=True)), found
    shown, page = text(report), html(report)
    assert all(f"! {sentence}" in shown for sentence in found)
    assert page.count("Doubt: ") == len(found)
    assert headline(report) in shown
