"""Where the figures come from: models, data, settings, seeds, commit, versions, hardware and date."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from w2s.report.page.names import capital, name_of, words
from w2s.report.page.parts import folded, section, table, whole
from w2s.report.sections import number

SHORT = 12
"""Hex digits of a revision that are shown; report.json has all."""
LONG = re.compile(rf"\b([0-9a-f]{{{SHORT}}})[0-9a-f]{{28,}}\b")
"""A revision in a source's text: 40 digits of a commit, 64 of a hash."""


def sources(report: Mapping[str, Any]) -> str:
    """What a reader needs to run the same again."""
    from_ = report["provenance"]
    began, ended = report["timeline"]["began"], report["timeline"]["ended"]
    rows = [
        ["Method", _method(report)],
        *([capital(model["role"]), _revised(model)] for model in from_["models"]),
        *([f"Data, {row['split']}", _rows(row)] for row in from_["data"]),
        ["Seeds", "; ".join(_seeds(report))],
        ["Code", ", ".join(map(_commit, from_["commits"])) or "no repository"],
        ["Hardware", ", ".join(held["device"] for held in report["devices"]["held"]) or "not recorded"],
        ["Date", f"{began} to {ended}" if began else "-"],
        ["Versions", ", ".join(f"{library} {' and '.join(of)}" for library, of in from_["versions"].items()) or "-"],
    ]
    settings = [
        folded(
            capital(words(part)), table(["field", "value"], [[words(field), text] for field, text in fields.items()])
        )
        for part, fields in from_["settings"].items()
    ]
    return section("sources", "Where this comes from", table(["", ""], rows), folded("All settings", "".join(settings)))


def counts(report: Mapping[str, Any]) -> str:
    """Everything that steps counted, for those who look for what was lost."""
    rows = [
        [capital(name_of(step)), ", ".join(f"{words(name)} {number(value)}" for name, value in values.items())]
        for step, values in report["counts"].items()
        if values
    ]
    return (
        section("counts", "All counts", folded("Counts of all steps", table(["step", "counts"], rows))) if rows else ""
    )


def _revised(model: Mapping[str, Any]) -> str:
    revision = str(model["revision"])
    kind, colon, digits = revision.rpartition(":")
    short = f"{kind}{colon}{digits[:SHORT]}" if revision else "no revision yet"
    return f"{model['name']} at {short}"


def _method(report: Mapping[str, Any]) -> str:
    """Which of its variants the method is, by its steps."""
    kinds = [node["kind"] for node in report["graph"]]
    rounds = sum(kind in ("agree", "label") for kind in kinds)
    by = "M's own majorities" if "label" in kinds else "agreement" if "agree" in kinds else "M's own answers"
    losses = [name_of(node["step"]) for node in report["graph"] if node["kind"] == "prefer"]
    times = f", {rounds} {'round' if rounds == 1 else 'rounds'}" if rounds else ""
    return f"stage I by {by}{times}; stage II by {' and '.join(losses) or 'nothing'}"


def _rows(row: Mapping[str, Any]) -> str:
    source = LONG.sub(r"\1", row["source"])
    return f"{source}, {'not read yet' if row['rows'] is None else whole(row['rows']) + ' rows'}"


def _commit(commit: str) -> str:
    return commit[:SHORT] + ("-dirty" if commit.endswith("-dirty") else "")


def _seeds(report: Mapping[str, Any]) -> Iterator[str]:
    """Fields with one seed are named together; a source without a seed of its own has that of its problems."""
    fields: dict[str, list[str]] = {}
    for field, value in [*report["provenance"]["seeds"].items(), ("bootstrap", str(report["bootstrap"]["seed"]))]:
        if value == "None":
            continue
        fields.setdefault(value, []).append(words(field.removesuffix(".seed")))
    yield from (f"{value} for {', '.join(of)}" for value, of in fields.items())
