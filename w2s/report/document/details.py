"""All of a report beside its scores: where it comes from, how it went, what it cost, and examples."""

from collections.abc import Mapping, Sequence
from typing import Any

from w2s.graph.step import Step
from w2s.report.document.estimates import estimates
from w2s.report.document.examples import examples
from w2s.report.document.finished import Source
from w2s.report.document.losses import losses
from w2s.report.document.provenance import graph, provenance, tokens
from w2s.report.document.timeline import devices, timeline

EXECUTION = (
    "base_bits",
    "engine_restarts",
    "peak_bytes",
    "problems_repeated",
    "resumed_at_step",
    "sampled_tokens",
    "sampling_seconds",
    "saves",
    "world_size",
)
"""Counts of how a step was run, which another run of the same work may have otherwise."""
OF_THE_RUN = ("seconds", "execution", "timeline", "devices", "estimates")
"""Sections that say how the work was run. All others are the same, however often the run was interrupted."""


def details(steps: Sequence[Step], source: Source, dollars: float | None = None) -> dict[str, Any]:
    """The sections `provenance`, `graph`, `rows`, `tokens`, `losses`, `examples`, and those of `OF_THE_RUN`.

    `steps` are all steps that the report is about, finished or not; `dollars` the price of a GPU for an hour.
    """
    finished = source.finished
    return {
        "provenance": provenance(steps, finished),
        "graph": graph(steps, finished),
        "rows": {name: dict(manifest.rows) for name, manifest in finished.items()},
        "tokens": tokens(steps, finished),
        "losses": losses(steps, source),
        "examples": examples(steps, source),
        "seconds": {name: manifest.seconds for name, manifest in finished.items()},
        "execution": {name: ran for name, manifest in finished.items() if (ran := _ran(manifest.counts))},
        "timeline": timeline(steps, finished),
        "devices": devices(finished, dollars),
        "estimates": estimates(steps, finished),
    }


def counts(source: Source) -> dict[str, dict[str, float]]:
    """Counts by step, without those of `EXECUTION`."""
    return {
        name: {count: value for count, value in manifest.counts.items() if count not in EXECUTION}
        for name, manifest in source.finished.items()
    }


def _ran(counts: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in counts.items() if name in EXECUTION}
