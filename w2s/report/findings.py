"""What a report says in one sentence, and what in it should make its reader doubt."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from w2s.report.document import CEILING, FLOOR
from w2s.report.sections import interval, percent

FEW = 8
"""Pairs from which a share of right sides is worth a sentence."""
Row = Mapping[str, Any]


def headline(report: Mapping[str, Any], name: Callable[[str], str] = str) -> str:
    """The last model that the method made, beside its teacher and the ceiling; empty without such a model.

    `name` says what a model is called.
    """
    rows: dict[str, Row] = {row["model"]: row for row in report["models"]}
    made = [row for model, row in rows.items() if model.startswith(("hybrid_ft_", "m_plus_", "dpo", "orpo"))]
    if not made:
        return ""
    final = [row for row in made if row["model"] in ("dpo", "orpo")] or made[-1:]
    best = max(final, key=lambda row: row["accuracy"])
    said = [f"{name(best['model'])} {percent(best['accuracy'])} [{interval(best)}]"]
    if FLOOR in rows:
        said.append(f"{_beside(best['accuracy'] - rows[FLOOR]['accuracy'])} its teacher")
    if CEILING in rows:
        said.append(f"{_beside(best['accuracy'] - rows[CEILING]['accuracy'])} training on gold")
    if best["pgr"] and best["pgr"]["value"] is not None:
        said.append(f"PGR {percent(best['pgr']['value'])} [{interval(best['pgr'])}]")
    return f"{said[0]}: {', '.join(said[1:])}" if said[1:] else said[0]


def doubts(report: Mapping[str, Any], name: Callable[[str], str] = str) -> Iterator[str]:
    """A sentence for each sign that a run was not worth its cost, or that its figures say little."""
    rows: dict[str, Row] = {row["model"]: row for row in report["models"]}
    if FLOOR in rows and rows[FLOOR]["right"] == 0:
        yield f"{name(FLOOR)} has no right answer in {rows[FLOOR]['total']}: the weak model has nothing to teach"
    if any(row["pgr"] and row["pgr"]["low"] is None for row in rows.values()):
        yield f"{name(CEILING)} is not surely above {name(FLOOR)}: there is no gap to recover, and PGR says nothing"
    for row in report["differences"]:
        if row["high"] < 0:
            bounds = f"{_points(row['low'])} .. {_points(row['high'])}"
            yield f"{name(row['result'])} is below {name(row['baseline'])}: {_points(row['value'])} [{bounds}]"
    for audited, figures in report["audit"].items():
        shares = {side: figures.get(f"{side}_right") for side in ("chosen", "rejected")}
        if all(share and share["denominator"] >= FEW for share in shares.values()):
            chosen, rejected = (share["numerator"] / share["denominator"] for share in shares.values())
            if chosen <= rejected or chosen < 0.5:
                sides = f"{percent(chosen)} of the chosen sides are right, and {percent(rejected)} of the rejected"
                yield f"{name(audited)}: {sides}"


def _beside(difference: float) -> str:
    """How far above or below what the sentence names next."""
    points = f"{abs(100 * difference):.1f}"
    return "level with" if points == "0.0" else f"{points} points {'over' if difference > 0 else 'under'}"


def _points(value: float) -> str:
    return f"{100 * value:+.1f} points"
