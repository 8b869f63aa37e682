"""The page in a browser: nothing fetched or logged, every number of the document, hostile text, narrow, dark, print."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.report.browser import PROGRAM, Browser
from tests.unit.report.conftest import EVIL
from w2s.report.page.names import name_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser(folder: Path) -> Iterator[Browser]:
    if PROGRAM is None:
        pytest.skip("no chromium: dev/debian.sh chromium:chromium")
    pytest.importorskip("websockets")
    started = Browser(folder / "chromium")
    yield started
    started.close()


def numbers_of(value: Any) -> Iterator[str]:
    """Every number of a document as the page may write it, and the numbers in its texts."""
    if isinstance(value, Mapping):
        if set(value) == {"numerator", "denominator"} and value["denominator"]:
            yield from numbers_of(value["numerator"] / value["denominator"])
        if set(value) == {"sum", "count"} and value["count"]:
            yield from numbers_of(value["sum"] / value["count"])
        if {"right", "total"} <= set(value):
            yield from numbers_of(value["right"] / value["total"])
        for key, inner in value.items():
            yield from numbers_of(key)
            yield from numbers_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers_of(inner)
    elif isinstance(value, str):
        yield from NUMBER.findall(value)
        yield from NUMBER.findall(value[:12])
        yield from NUMBER.findall(value.rpartition(":")[2][:12])
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from (f"{value:{form}}" for form in ("g", ".0f", ".1f", ".2f", ".3f", ".4f", ".4g"))
        yield f"{100 * value:.1f}"


NUMBER = re.compile(r"\d+(?:\.\d+)?")
SHOWN = """
(() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    const inside = walker.currentNode.parentElement.closest("svg, script, style, pre, #results details");
    if (!inside) texts.push(walker.currentNode.data);
  }
  return texts;
})()
"""


def test_every_number_is_in_the_document(browser: Browser, page: Path, report: dict[str, Any]) -> None:
    browser.open(page)
    rows = {row["model"]: row["accuracy"] for row in report["models"]}
    ours = [rows["dpo"] - rows[model] for model in ("weak_floor", "ceiling")]  # of the key sentence
    known = set(numbers_of(report)) | set(numbers_of(ours)) | {"95", str(len(report["examples"]))}
    texts = browser.run(SHOWN)
    found = {number for text in texts for number in NUMBER.findall(text.replace(",", ""))}
    assert len(found) > 40, "the page shows its numbers"
    assert not found - known


def test_the_score_table_is_the_documents(browser: Browser, page: Path, report: dict[str, Any]) -> None:
    browser.open(page)
    rows = browser.run(
        "[...document.querySelectorAll('#results tbody tr')].map(r => [...r.cells].map(c => c.innerText))"
    )
    assert [row[0].lower() for row in rows] == [name_of(row["model"]).lower() for row in report["models"]]
    for shown, row in zip(rows, report["models"], strict=True):
        assert shown[1] == f"{row['right']} of {row['total']}"
        assert float(shown[2].removesuffix(" %")) == pytest.approx(100 * row["accuracy"], abs=0.05)
        low, high = (float(bound) for bound in shown[3].split(" .. "))
        assert (low, high) == (pytest.approx(100 * row["low"], abs=0.05), pytest.approx(100 * row["high"], abs=0.05))
        assert [int(cell) for cell in shown[6:]] == [row[name] for name in ("wrong", "undecided", "unreadable")]


def test_nothing_is_fetched_or_logged_and_hostile_text_stays_text(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert browser.requests() == [page.as_uri()]
    assert browser.complaints() == []
    assert browser.run("window.owned") is None
    assert browser.run("document.querySelectorAll('img, iframe, link, object, script[src], b > b').length") == 0
    assert EVIL.strip() in browser.run("document.querySelector('#examples').textContent")
    assert browser.run("document.querySelectorAll('svg').length") >= 15


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scroll(browser: Browser, page: Path, scheme: str) -> None:
    browser.open(page, width=375, prefers_color_scheme=scheme)
    browser.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert browser.run("document.documentElement.scrollWidth") <= 375
    cut = (
        "[...document.querySelectorAll('.wide, figure, pre, td')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    )
    assert browser.run(cut) == 0
    background = browser.run("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(22, 25, 28)")
    ink = browser.run("getComputedStyle(document.querySelector('svg text')).fill")
    assert ink == browser.run("getComputedStyle(document.body).color"), "charts follow the scheme"
    shares = """
      const timeline = document.querySelector('.only-narrow svg'), box = timeline.getBoundingClientRect();
      const texts = [...timeline.querySelectorAll('text')].map(e => e.getBoundingClientRect());
      const plot = timeline.querySelector('g[id^=axes] > g[id^=patch] path').getBoundingClientRect();
      const caption = document.querySelector('table').createCaption();
      caption.textContent = 'Some words above the table';
      return [plot.width / box.width, texts.every(text => text.right <= box.right + 1), caption.clientHeight]
    """
    plot, fits, caption = browser.run(f"(() => {{ {shares} }})()")
    assert plot > 0.35 and fits, "the legend is inside, and leaves the bars their room"
    assert caption < 30, "a caption is as wide as its table: one line"


def test_number_cells_are_right_aligned_and_whole(browser: Browser, page: Path) -> None:
    browser.open(page)
    style = (
        "[...document.querySelectorAll('td.number')].map(c => getComputedStyle(c)).map(s => s.textAlign + s.whiteSpace)"
    )
    assert set(browser.run(style)) == {"rightnowrap"}
    links = browser.run("[...document.querySelectorAll('nav a')].map(a => a.getAttribute('href'))")
    assert len(links) > 6 and browser.run(f"{json.dumps(links)}.every(link => document.querySelector(link))")


def test_search_and_filters(browser: Browser, page: Path, report: dict[str, Any]) -> None:
    browser.open(page)
    visible = "[...document.querySelectorAll('.example')].filter(e => e.checkVisibility()).length"
    every = len(report["examples"])
    assert browser.run(visible) == every
    type_in = (
        "(() => {{ const i = document.querySelector('{0}'); i.value = '{1}'; "
        "i.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"
    )
    browser.run(type_in.format("select[name=outcome]", "differ"))
    differ = sum(row["outcome"] == "differ" for row in report["examples"])
    assert browser.run(visible) == differ > 0
    assert browser.run("document.querySelector('output').textContent") == f"{differ} of {every} examples"
    browser.run(type_in.format("input[type=search]", "no example says this"))
    assert browser.run(visible) == 0
    browser.run(type_in.format("input[type=search]", "TRAIN_2-00001"))
    assert browser.run(visible) == differ


def test_print_opens_all(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert browser.run("document.querySelectorAll('details:not([open])').length") > 0
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("document.querySelectorAll('details:not([open])').length") == 0


def test_a_printed_page_cuts_no_table(browser: Browser, page: Path) -> None:
    browser.open(page, width=718)  # of A4 with Chromium's margins
    browser.call("Emulation.setEmulatedMedia", media="print")
    cut = "[...document.querySelectorAll('#results .wide')].map(e => e.firstChild.offsetWidth - e.clientWidth)"
    assert max(browser.run(cut)) <= 0
