"""The report: figures with their denominators, order, and nothing of its input taken as markup."""

import json
from html.parser import HTMLParser
from typing import Any

import pytest

from w2s.graph.recipes import Report
from w2s.records import Score
from w2s.report import metrics
from w2s.report.document import build, claims
from w2s.report.page import html
from w2s.report.text import text

HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m\n]]><svg onload=x>"
RIGHT = {"weak_floor": 40, "full_weak_ft": 50, "hybrid_ft_1": 70, "dpo": 75, "ceiling": 90}
AUDIT = {
    "selection": {
        "weak_right": {"numerator": 98, "denominator": 200},
        "undecided": 0,
        "outcomes": {"kept": 80, "weak_unreadable:truncated": 3},
    },
    "pairs": {"chosen_right": {"numerator": 0, "denominator": 0}},
}
SELECTION = {
    "agreement_1": {"read": {"weak": 180}, "agreed_by_level": {"5": {"numerator": 3, "denominator": 12}}},
    "contrast": {
        "length": {"chosen_characters": {"sum": 245, "count": 4}, "rejected_characters": {"sum": 0, "count": 0}}
    },
}
COUNTS = {
    "weak_completions": {"problems": 200, "completions": 200, "truncated": 5, "failed": 1, "completion_tokens": 9000},
    "weak_sft": {"steps": 75},
}

DETAILS: dict[str, Any] = {
    "provenance": {"models": [], "data": [], "settings": {}, "seeds": {}, "commits": [], "versions": {}},
    "graph": [],
    "rows": {},
    "tokens": {"sampled": 0, "prompts": 0, "trained": 0, "steps": []},
    "losses": [],
    "examples": [],
    "seconds": {"weak_sft": 31.26},
    "estimates": {"kinds": [], "notes": []},
    "execution": {},
    "timeline": {"began": "", "ended": "", "steps": [], "gaps": []},
    "devices": {"held": [], "dollars_per_hour": None, "dollars": None, "steps": []},
}
"""Of a store without a step."""


def scores(model: str, right: int, total: int = 100, undecided: int = 2, unreadable: int = 5) -> list[Score]:
    """`right` right ones, then undecided, unreadable and wrong ones."""
    kinds = [
        ("right", "", right),
        ("undecided", "no_normal_form", undecided),
        ("wrong", "unreadable:no_marker", unreadable),
        ("wrong", "differs", total),
    ]
    verdicts = [(verdict, reason) for verdict, reason, times in kinds for _ in range(times)][:total]
    return [Score(f"test-{i:04d}", model, "1", verdict, reason) for i, (verdict, reason) in enumerate(verdicts)]


def document(right: dict[str, int] = RIGHT, description: str = "a trial", **changes: Any) -> dict[str, Any]:
    rows = [score for model, n in right.items() for score in scores(model, n)]
    recipe = Report(experiment="quickstart", description=description, bootstrap_draws=200)
    given: dict[str, Any] = {
        "models": list(right),
        "selection": SELECTION,
        "audit": AUDIT,
        "counts": COUNTS,
        "details": DETAILS,
    } | changes
    return build(recipe, rows, **given)


def test_without_a_floor_there_is_no_pgr() -> None:
    """Responses in place of a weak model may lack those to the test split."""
    report = document({model: right for model, right in RIGHT.items() if model != "weak_floor"})
    assert all(row["pgr"] is None for row in report["models"]) and len(report["models"]) == len(RIGHT) - 1
    assert "weak_floor" not in text(report)
    assert "70.0 %" in text(report) and "<svg" in html(report)


def test_every_figure_has_its_denominator() -> None:
    report = document()
    for row in report["models"]:
        assert row["right"] + row["wrong"] + row["undecided"] + row["unreadable"] == row["total"] == 100
        assert row["accuracy"] == row["right"] / row["total"] and row["low"] <= row["accuracy"] <= row["high"]
    shown, page = text(report, verbose=True), html(report)
    for figure in ("70 of 100", "70.0 %", "49.0 % (98 of 200)", "- (0 of 0)", "25.0 % (3 of 12)", "61.2 (mean of 4)"):
        assert figure in shown and figure in page, figure
    for figure in ("2.5 % (5 of 200)", "0.5 % (1 of 200)", "weak_unreadable:truncated", "read: weak"):
        assert figure in shown, figure
    for figure in ("truncated 5", "failed 1", "Outcomes: weak unreadable: truncated", "Read: weak"):
        assert figure in page, figure


def test_it_is_a_json_value() -> None:
    report = document()
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert text(json.loads(json.dumps(report))) == text(report)


def test_pgr_and_differences_are_those_of_metrics() -> None:
    report = document()
    by_model = {row["model"]: row for row in report["models"]}
    assert by_model["dpo"]["pgr"]["value"] == pytest.approx(35 / 50)
    assert (by_model["dpo"]["pgr"]["numerator"], by_model["dpo"]["pgr"]["denominator"]) == (35, 50)
    assert by_model["weak_floor"]["pgr"] is None and by_model["ceiling"]["pgr"] is None
    found = {(d["result"], d["baseline"]): d for d in report["differences"]}
    dpo, hybrid = (metrics.credit_by_problem(scores(model, RIGHT[model])) for model in ("dpo", "hybrid_ft_1"))
    expected = metrics.difference(dpo, hybrid, seed=0, draws=200)
    assert (found["dpo", "hybrid_ft_1"]["value"], found["dpo", "hybrid_ft_1"]["low"]) == (expected.value, expected.low)
    assert found["ceiling", "dpo"]["holds"] and found["ceiling", "dpo"]["low"] > 0


def test_a_difference_that_may_be_chance_does_not_hold() -> None:
    report = document({"weak_floor": 50, "full_weak_ft": 50})
    (only,) = report["differences"]
    assert not only["holds"] and "full_weak_ft > weak_floor" in text(report)


@pytest.mark.parametrize(
    "right",
    [{"weak_floor": 40, "hybrid_ft_1": 50}, {"weak_floor": 40, "hybrid_ft_1": 50, "ceiling": 40}, {"weak_floor": 0}],
)
def test_without_a_gap_there_is_no_pgr(right: dict[str, int]) -> None:
    report = document(right)
    values = [row["pgr"] and row["pgr"]["value"] for row in report["models"]]
    assert values == [None] * len(right)
    assert "<svg" in html(report) and "nan" not in html(report) and "None" not in text(report)


def test_claims_follow_the_last_iteration_and_the_models_there_are() -> None:
    full = [
        "weak_floor",
        "weak_icl",
        "full_weak_ft",
        "weak_ft_1",
        "hybrid_ft_1",
        "hybrid_ft_2",
        "dpo",
        "orpo",
        "ceiling",
    ]
    assert claims(full) == [
        ("full_weak_ft", "weak_floor"),
        ("weak_icl", "full_weak_ft"),
        ("weak_ft_1", "full_weak_ft"),
        ("hybrid_ft_2", "weak_icl"),
        ("hybrid_ft_2", "weak_ft_1"),
        ("dpo", "hybrid_ft_2"),
        ("orpo", "hybrid_ft_2"),
        ("ceiling", "dpo"),
        ("ceiling", "orpo"),
    ]
    assert claims(["weak_floor", "hybrid_ft_1", "ceiling"]) == [("ceiling", "hybrid_ft_1")]


class Page(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.content = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.content += data


def test_hostile_text_stays_text() -> None:
    rows = scores(HOSTILE, 10) + scores("weak_floor", 5)
    recipe = Report(experiment=HOSTILE, description=HOSTILE, bootstrap_draws=100)
    audit = {HOSTILE: {HOSTILE: {HOSTILE: 1}}}
    details = DETAILS | {"seconds": {HOSTILE: 1.0}}
    report = build(recipe, rows, [HOSTILE, "weak_floor"], audit, audit, {HOSTILE: {HOSTILE: 1.5}}, details)
    page = Page(html(report))
    assert page.tags <= Page(html(document())).tags, "a value became a tag"
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert page.content.count("<script>alert(1)</script>") >= 8
    shown = text(report, verbose=True)
    assert "\x1b" not in shown and all(c.isprintable() for c in shown.replace("\n", ""))


@pytest.mark.parametrize(
    ("models", "message"),
    [(["weak_floor"], "none of the report's models"), ([*RIGHT, "orpo"], "no scores of orpo")],
)
def test_models_and_scores_must_match(models: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        document(models=models)


def test_accuracy_by_level() -> None:
    rows = {
        model: [
            Score(f"p{i}", model, "1", verdict, "", level=level)
            for i, (verdict, level) in enumerate(zip(verdicts, ("1", "1", "2", "2"), strict=True))
        ]
        for model, verdicts in {
            "weak_floor": ("right", "wrong", "wrong", "undecided"),
            "ceiling": ("right", "right", "right", "wrong"),
        }.items()
    }
    recipe = Report(experiment="e", description="d", bootstrap_draws=200)
    made = build(recipe, [score for of in rows.values() for score in of], list(rows), {}, {}, {}, DETAILS)
    assert [(row["model"], row["level"], row["right"], row["total"]) for row in made["levels"]] == [
        ("weak_floor", "1", 1, 2),
        ("weak_floor", "2", 0, 2),
        ("ceiling", "1", 2, 2),
        ("ceiling", "2", 1, 2),
    ]
    shown = text(made, verbose=True)
    assert "accuracy by level" in shown and "50.0 % (1 of 2)" in shown
    assert not document()["levels"] and "accuracy by level" not in text(document(), verbose=True)


def test_estimates_and_what_is_not_compared_are_shown() -> None:
    figures = {"figure": "device hours", "steps": 2, "estimated": 0.5, "actual": 1.25, "ratio": 2.5}
    told = {"kinds": [{"kind": "in all", "figures": [figures]}], "notes": ["Not compared: problems."]}
    step = {"step": "problems", "ready": 0.0, "start": 0.0, "end": 1.0, "waited": 0.0, "took": 1.0}
    times = {"began": "2026-01-01", "ended": "2026-01-01", "steps": [step], "gaps": []}
    node = {"step": "problems", "kind": "worldproblems", "model": "", "inputs": [], "finished": True}
    report = document() | {"estimates": told, "timeline": times, "graph": [node]}
    shown, page = text(report, verbose=True), html(report)
    (line,) = (line for line in shown.splitlines() if line.startswith("in all, device hours"))
    assert line.split()[-4:] == ["2", "0.500", "1.250", "2.50"] and "Not compared: problems." in shown
    assert "In all, device hours" in page and ">1.250<" in page and "<p>Not compared: problems.</p>" in page
    assert "Not compared" not in text(report)
