"""What was read, agreed, kept, voted and paired; how far votes can be trusted; how long the two sides of a pair are."""

from collections.abc import Iterator, Mapping
from typing import Any

from w2s.report.page import charts
from w2s.report.page.names import capital, name_of, words
from w2s.report.page.parts import figure, folded, section, side_by_side, table
from w2s.report.sections import figure_rows

Figures = Mapping[str, Any]


def selection(report: Mapping[str, Any]) -> str:
    """Charts of the stages, then all their figures."""
    return section("selection", "What was kept, and how right it is", *_parts(report)) if report["selection"] else ""


def _parts(report: Mapping[str, Any]) -> Iterator[str]:
    chosen: Mapping[str, Figures] = report["selection"]
    audit: Mapping[str, Figures] = report["audit"]
    yield side_by_side(*(_funnel(name, of) for name, of in chosen.items()))
    votes = next((of["vote_share"] for of in chosen.values() if "vote_share" in of), None)
    pairs = audit.get("pairs", {})
    yield side_by_side(_votes(votes) if votes else "", _calibration(pairs.get("consensus_right_by_vote_share", {})))
    yield side_by_side(*(_lengths(of) for of in chosen.values()))
    for sections, told in ((chosen, ": all counts, without gold"), (audit, ", judged by gold for this report only")):
        for name, of in sections.items():
            rows = [[capital(words(text)), value] for text, value in figure_rows(of)]
            yield folded(f"{capital(name_of(name))}{told}", table(["figure", "value"], rows))


def _funnel(name: str, of: Figures) -> str:
    """From all problems to what is learned from."""
    outcomes: Mapping[str, float] = of.get("outcomes", {})
    if not outcomes:
        return ""  # a vote of the weak models decides on no problem
    kept = sum(count for outcome, count in outcomes.items() if outcome.startswith("kept"))
    steps = [("problems", of.get("problems", 0))]
    if "read" in of:
        steps += [("both answers read", of["read"].get("both", 0))]
        steps += [("agreed", of["agreed"]["numerator"])] if "agreed" in of else []
        steps += [("kept", kept)]
    elif "pairs" in of:
        steps += [("with a vote", of.get("voted", 0)), ("paired", outcomes.get("paired", 0))]
    else:
        steps += [("kept", kept)]
    title = capital(name_of(name))
    told = ", ".join(f"{text} {count:,.0f}" for text, count in steps)
    most = sorted(
        ((count, outcome) for outcome, count in outcomes.items() if not outcome.startswith(("kept", "paired"))),
        key=lambda pair: (-pair[0], pair[1]),
    )
    why = ", ".join(f"{words(outcome)} {count:,.0f}" for count, outcome in most[:4])
    return figure(charts.stairs(steps, f"{title}: {told}"), f"{title}. {'Left out: ' + why + '.' if why else ''}")


def _votes(shares: Mapping[str, float]) -> str:
    told = ", ".join(f"{name}: {count:,.0f}" for name, count in shares.items() if count)
    svg = charts.columns(shares, "the majority's share of the samples", f"Problems by vote share: {told}")
    return figure(svg, "How sure the vote is: problems by the majority's share of the samples.")


def _calibration(shares: Mapping[str, Mapping[str, float]]) -> str:
    """How often majorities are right, by their share; as the audit found by gold."""
    points = [
        (float(share), of["numerator"] / of["denominator"], of["denominator"])
        for share, of in sorted(shares.items(), key=lambda pair: float(pair[0]))
        if of["denominator"]
    ]
    if not points:
        return ""
    told = ", ".join(f"at {x:.0%} of the votes {y:.0%} right" for x, y, _ in points)
    svg = charts.calibration(points, "vote share", "majorities that are right", f"Calibration of the votes: {told}")
    return figure(svg, "Whether sure votes are right, by gold. Above the dashed line they are better than they claim.")


def _lengths(of: Figures) -> str:
    bins: Mapping[str, float] = of.get("rejected_by_chosen_length", {})
    if not bins:
        return ""
    means = {side: of.get("length", {}).get(f"{side}_characters", {}) for side in ("chosen", "rejected")}
    spoken = [f"{side} {m['sum'] / m['count']:.1f}" for side, m in means.items() if m.get("count")]
    svg = charts.columns(
        bins, "rejected length / chosen length", "Pairs by rejected over chosen length: "
        + ", ".join(f"{name}: {count:,.0f}" for name, count in bins.items()), "pairs",
    )  # fmt: skip
    return figure(svg, f"Lengths of the two sides of a pair; mean characters: {', '.join(spoken) or '-'}.")
