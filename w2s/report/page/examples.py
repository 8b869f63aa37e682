"""Examples of each outcome, with a search and three filters that a small script of the page works."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from w2s.report.page.names import capital, name_of, words
from w2s.report.page.parts import section, whole

FILTERS = ("step", "outcome", "model")
"""Fields of an example that a reader chooses from, when there is more than one value."""


def examples(report: Mapping[str, Any]) -> str:
    """All examples; without the script the page shows them all and no filters."""
    rows: Sequence[Mapping[str, Any]] = report["examples"]
    if not rows:
        return ""
    return section("examples", "Examples", _filters(rows), "".join(_example(row) for row in rows))


def _filters(rows: Sequence[Mapping[str, Any]]) -> str:
    parts = ['<form class="filters" role="search" hidden><label>Search <input type="search" name="text"></label>']
    for field in FILTERS:
        values = dict.fromkeys(row[field] for row in rows if row[field])
        if len(values) > 1:
            choices = [f'<option value="{escape(value)}">{escape(_said(field, value))}</option>' for value in values]
            chooser = f'<select name="{field}"><option value="">all</option>{"".join(choices)}</select>'
            parts.append(f"<label>{capital(field)} {chooser}</label>")
    count = f"{whole(len(rows))} of {whole(len(rows))} examples"
    return "".join([*parts, f'<output aria-live="polite">{count}</output></form>'])


def _said(field: str, value: str) -> str:
    return words(value) if field == "outcome" else name_of(value)


def _example(row: Mapping[str, Any]) -> str:
    """One example; its texts are others', so they are isolated from the page's direction of writing."""
    data = "".join(f' data-{field}="{escape(row[field])}"' for field in FILTERS)
    whose = name_of(row["model"] or row["step"])
    outcome = escape(f"{capital(whose)}: {words(row['outcome'])}")
    question = escape(row["question"])
    head = f"<b>{outcome}</b> <small>{escape(row['problem_id'])}</small> <bdi>{question}</bdi>"
    meaning = f'<p class="meaning">{escape(row["meaning"])}</p>' if row["meaning"] else ""
    notes = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in row["notes"])
    texts = "".join(
        f'<div class="text"><b>{escape(text["name"])}</b>'
        f'<pre dir="auto">{escape(text["text"])}{_more(text["more"])}</pre></div>'
        for text in row["texts"]
    )
    body = f'{meaning}<dl>{notes}</dl><div class="texts">{texts}</div>'
    return f'<details class="example"{data}><summary>{head}</summary>{body}</details>'


def _more(characters: int) -> str:
    return f"<i> … {whole(characters)} more characters</i>" if characters else ""
