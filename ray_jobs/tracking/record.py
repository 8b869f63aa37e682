"""What a tracker is told of a run, read from its store alone: settings, curves, figures, the scores and where it is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from w2s.graph.step import Step
from w2s.graph.trained import is_whole
from w2s.recipe import Experiment
from w2s.report.compare import flat
from w2s.report.sections import models_table
from w2s.store.store import Store

NAMES = re.compile(r"[^\w./ -]")
"""Characters that a metric's name may not have in MLflow."""


@dataclass(frozen=True)
class Record:
    """One run of an experiment as far as it is finished."""

    name: str
    key: str
    """The report's fingerprint: the same settings, models and data have the same key, whichever command ran them."""
    settings: Mapping[str, str]
    curves: Mapping[str, Sequence[tuple[int, float]]]
    """(optimizer step, loss) of each finished training."""
    figures: Mapping[str, float]
    header: Sequence[str]
    models: Sequence[Sequence[str]]
    """The table of scores; no rows before the report."""
    links: Mapping[str, str]
    page: bytes
    """report.html; empty before the report."""


def run_key(report: Step) -> str:
    """The key of a record from the report that the run ends with."""
    return report.fingerprint[:16]


def record(experiment: Experiment, steps: Sequence[Step], store: Store) -> Record:
    """The record of the finished ones of an experiment's steps, whose last one is its report."""
    manifests = {name: one for name, one in store.manifests(steps).items() if one is not None}
    curves: dict[str, list[tuple[int, float]]] = {}
    figures: dict[str, float] = {}
    links = {"store": store.objects.url}
    for step in steps:
        if step.name not in manifests:
            continue
        figures[f"seconds/{step.name}"] = manifests[step.name].seconds
        figures |= {f"counts/{step.name}/{name}": value for name, value in manifests[step.name].counts.items()}
        if "losses" in step.recipe.tables:
            curves[f"loss/{step.name}"] = [(one["step"], one["loss"]) for one in store.document(step["losses"])]
            kind = "model" if is_whole(step["model"]) else "adapter"
            links[f"{kind} of {step.name}"] = store.place(step["model"])
    header, models, page = list[str](), list[list[str]](), b""
    report = steps[-1]
    if report.name in manifests:
        document = store.document(report["report"])
        header, models = models_table(document)
        for row in document["models"]:
            figures[f"accuracy/{row['model']}"] = row["accuracy"]
            if row["pgr"] and row["pgr"]["value"] is not None:
                figures[f"pgr/{row['model']}"] = row["pgr"]["value"]
        (file,) = store.files(report["html"])
        links["report.html"] = store.objects.absolute(f"{report.directory}/{file.path}")
        page = store.read_file(report.directory, file)
    figures = {NAMES.sub("_", name): float(value) for name, value in figures.items()}
    settings = flat(experiment.model_dump(mode="json"))
    return Record(experiment.name, run_key(report), settings, curves, figures, header, models, links, page)
