"""The page without a browser, and `w2s report`: nothing fetched, half-finished stores, wrong arguments."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.cli.main import main
from tests.unit.cli import small_run
from tests.unit.report.test_report import Page, document
from w2s.experiments.catalog import load
from w2s.experiments.overrides import set_fields
from w2s.graph.build import build_steps
from w2s.report.document.provenance import graph
from w2s.report.page import charts, html
from w2s.report.page.flow import flow
from w2s.report.page.sources import sources

LEFT_OUT = ("worldproblems", "grade", "audit", "report")


@pytest.mark.slow
def test_the_page_needs_nothing_beside_itself(page: Path) -> None:
    """Without a browser: no element that fetches, and a policy that allows the page's own script alone."""
    content = page.read_text(encoding="utf-8")
    read = Page(content)
    assert not read.tags & {"link", "img", "iframe", "object", "base", "image"}
    assert not any(name in ("src", "srcset", "action") for name, _ in read.attributes)
    assert all(value.startswith("#") for name, value in read.attributes if name.endswith("href"))
    assert all(target.startswith("#") for target in re.findall(r"url\(\s*['\"]?(.)", content)), (
        "paint of the page's own"
    )
    assert "@import" not in content and content.count("<script>") == 1
    (policy,) = (value for name, value in read.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")


@pytest.mark.slow
def test_equal_documents_make_equal_pages(report: dict[str, Any]) -> None:
    assert html(report) == html(json.loads(json.dumps(report)))


def test_the_chart_has_every_model_and_both_limits() -> None:
    shown = html(document())
    chart = shown[shown.index("<svg") : shown.index("</svg>")]
    for text in ("weak model (floor)", "SFT on all weak answers", "hybrid-ft, round 1", "DPO", ">floor<", ">ceiling<"):
        assert text in chart, text
    assert chart.count("fill: var(--bar)") == 3 and chart.count("fill: var(--reference)") == 2
    assert "$x^2$ &amp; &lt;b&gt;" in charts.line([[1, 2.0]], "$x^2$ & <b>", "a curve"), "no formula, no markup"


def test_revisions_are_short_and_a_seed_that_is_none_is_not_named() -> None:
    data = {"split": "test", "source": f"shop.csv sha256:{'0123456789ab' * 5}cdef", "rows": 40}
    seeds = {"problems.seed": "42", "problems.test.seed": "None", "sft.seed": "42"}
    given = document()
    shown = sources(given | {"provenance": given["provenance"] | {"data": [data], "seeds": seeds}})
    assert "shop.csv sha256:0123456789ab, 40 rows" in shown
    assert "42 for problems, sft; 0 for bootstrap" in shown and "None" not in shown


def test_a_chart_outside_the_page_has_the_page_s_colours() -> None:
    """Light and dark are those of style.css; what matplotlib draws in stands for them only."""
    svg = charts.alone(charts.line([[1, 2.0]], "a", "a curve"))
    style = Path(charts.__file__).with_name("style.css").read_text()
    for name in charts.COLOURS.values():
        colours = re.findall(rf"--{name}: (#\w+);", style)
        assert re.findall(rf"--{name}: (#\w+);", svg) == colours[:2] and len(colours) == 3, "light, dark and print"
    assert "var(--bar)" in svg and not any(colour in svg for colour in charts.COLOURS)


@pytest.mark.slow
@pytest.mark.parametrize("without", [("orpo", "report"), ("scores", "audit", "report", "dpo", "pairs", "sampled")])
def test_a_half_finished_store_has_a_page(
    without: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = small_run.small_run(tmp_path / "store", without=without)
    for name in ("page.html", "figures.json"):
        assert main(["report", "quickstart", "--store", str(store.objects.url), "--to", str(tmp_path / name)]) == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    there = [node["step"] for node in figures["graph"] if node["finished"]]
    assert "Not finished: " in page and f"{len(there)} of {len(figures['graph'])} steps are." in page
    assert bool(figures["models"]) == ("scores" not in without) == ("Accuracy on 2 test problems" in page)
    assert "Losses" in page and ('id="examples"' in page) and "ORPO" in page
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / "page.html"), str(tmp_path / "figures.json")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["quickstart", "--to", "page.txt"], "must end with .html or .json"),
        (["quickstart", "--to", "/nowhere/page.html"], "a file in a folder that is there"),
        (["nothing", "--to", "page.html"], "nothing"),
        (["quickstart", "--set", "dpo.beta=x", "--to", "page.html"], "dpo.beta"),
        (["quickstart", "--set", "problems.seed=5", "--to", "page.html"], "has no step of quickstart with this --set"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], message: str, folder: Path, report: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", *arguments, "--store", str(folder / "store")]) == 2
    assert message in capsys.readouterr().err


def test_the_figure_has_the_steps_of_every_variant() -> None:
    """Each step that makes data or a model, but the answers to the test split, is an arrow with a name."""
    more = 'more_samples={"n": 10}'
    for sets in (
        ["committee=3", more],
        ["labels.min_share=0.5", "stage_one=trust", 'icl_sampled={"n": 5, "temperature": 1.0, "max_tokens": 9}'],
    ):
        steps = build_steps(set_fields(load("quickstart"), sets))
        drawn = flow(document() | {"graph": graph(steps, {})})
        made = [step for step in steps if not step.report_name and step.kind not in LEFT_OUT]
        assert drawn.count('<div class="does">') == len(made)
        assert "_sft" not in drawn and "weak_" not in drawn and "_votes" not in drawn
