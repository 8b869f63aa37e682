"""A report of a small made-up run with hostile texts, and its page."""

from pathlib import Path
from typing import Any

import pytest

from ray_jobs.selection.report import report_document
from tests.unit.cli import small_run
from w2s.report.page import html

EVIL = "</pre></script><script>window.owned=1</script><img src=x onerror='window.owned=1'>\u202e$x^2$ & <b>"
SELECTION: dict[str, Any] = {
    "agreement_1": {
        "read": {"weak": 4, "icl": 3, "both": 3},
        "problems": 4,
        "outcomes": {"kept": 1, "differ": 1, "demonstration": 1, "icl_unreadable:no_marker": 1},
        "agreed": {"numerator": 2, "denominator": 3},
        "agreed_by_level": {EVIL: {"numerator": 2, "denominator": 3}},
    },
    "contrast": {
        "problems": 4,
        "voted": 4,
        "outcomes": {"paired": 1, "tie": 3},
        "vote_share": {"0.5 to 0.6": 1, "0.6 to 0.7": 3},
        "pairs": {"all": 1, "weak_chosen": 0},
        "rejected_by_chosen_length": {"under 0.5": 0, "0.5 to 0.8": 1},
        "length": {"chosen_characters": {"sum": 11, "count": 1}, "rejected_characters": {"sum": 7, "count": 1}},
    },
}
SHARES = {"0.50": {"numerator": 1, "denominator": 2}, "0.80": {"numerator": 2, "denominator": 2}}
AUDIT = {"pairs": {"consensus_right_by_vote_share": SHARES}, "selection_1": {"kept_weak_right": SHARES["0.50"]}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    """The document of a small made-up run whose questions and completions are hostile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_run, "HOSTILE", EVIL)
        store = small_run.small_run(folder / "store")
        made = report_document(small_run.steps_of(store)[-1], store, None)
    made["selection"], made["audit"] = SELECTION, AUDIT
    return made


@pytest.fixture(scope="module")
def page(folder: Path, report: dict[str, Any]) -> Path:
    (folder / "report.html").write_text(html(report), encoding="utf-8")
    return folder / "report.html"
