"""Where a report's figures come from: models, data, settings, seeds, code, versions, and the graph of steps."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from w2s.graph.recipes import Agree, Demonstrate, FineTune, Grade, Label, OpenVotes, Pair, Prefer, Sample
from w2s.graph.step import Step
from w2s.recipe import SPLITS, Model, Recipe
from w2s.report.compare import flat
from w2s.report.document.finished import Finished


def provenance(steps: Sequence[Step], finished: Mapping[str, Finished]) -> dict[str, Any]:
    """The inputs and settings of all steps, and the code and libraries of the finished ones.

    models      [{role, name, revision}]: the bases; a role is `weak model`, `strong base`, or both
    data        [{split, source, rows}]: rows are None before the problems are read
    settings    {part: {field: text}}, each part as `--set` names it
    seeds       {field: text}: those of the settings
    commits     of the code, more than one where it changed between steps
    versions    {library: [version, ...]}
    """
    settings: dict[str, dict[str, str]] = {}
    for part, of in _settings(steps):
        settings.setdefault(part, of)  # of a committee the first member's, which has the experiment's own seed
    problems = steps[0]
    fields = flat(problems.recipe.model_dump(mode="json"))
    settings["problems"] = fields
    rows: Mapping[str, int] = finished[problems.name].rows if problems.name in finished else {}
    versions: dict[str, list[str]] = {}
    for manifest in finished.values():
        for library, version in manifest.versions.items():
            if version not in versions.setdefault(library, []):
                versions[library].append(version)
    seeds = {f"{part}.{field}": text for part, of in settings.items() for field, text in of.items() if _is_seed(field)}
    return {
        "models": _models(steps),
        "data": [
            {"split": split, "source": _source(problems.recipe, split), "rows": rows.get(split)}
            for split in SPLITS
            if split in problems.recipe.tables
        ],
        "settings": settings,
        "seeds": seeds,
        "commits": list(dict.fromkeys(m.code_commit for m in finished.values() if m.code_commit)),
        "versions": versions,
    }


def graph(steps: Sequence[Step], finished: Mapping[str, Finished]) -> list[dict[str, Any]]:
    """[{step, kind, model, inputs: [[role, step, table]], finished}] in the graph's order."""
    return [
        {
            "step": step.name,
            "kind": step.kind,
            "model": step.report_name,
            "inputs": [[role, table.step.name, table.name] for role, table in step.inputs],
            "finished": step.name in finished,
        }
        for step in steps
    ]


def tokens(steps: Sequence[Step], finished: Mapping[str, Finished]) -> dict[str, Any]:
    """{sampled, prompts, trained, steps: [{step, sampled, prompts, trained}]}: completion tokens, prompt tokens, and
    tokens that a training passes over in all its epochs."""
    rows: list[dict[str, Any]] = []
    for step in [step for step in steps if step.name in finished]:
        counts = finished[step.name].counts
        if isinstance(step.recipe, Sample):
            row = {"sampled": counts.get("completion_tokens", 0), "prompts": counts.get("prompt_tokens", 0)}
            rows.append({"step": step.name, **row, "trained": 0})
        elif isinstance(step.recipe, FineTune | Prefer):
            passed = round(counts.get("tokens", 0) * step.recipe.optimizer.epochs)
            rows.append({"step": step.name, "sampled": 0, "prompts": 0, "trained": passed})
    totals = {name: sum(row[name] for row in rows) for name in ("sampled", "prompts", "trained")}
    return {**totals, "steps": rows}


def _settings(steps: Sequence[Step]) -> Iterator[tuple[str, dict[str, str]]]:
    """(part of the experiment, its fields as text)."""
    for step in steps:
        parts: dict[str, Recipe] = {}
        recipe = step.recipe
        if isinstance(recipe, FineTune | Prefer):
            parts[step.settings] = recipe.optimizer
        elif isinstance(recipe, Sample):
            parts[_sampling(step.name, recipe)] = recipe.sampling
        elif isinstance(recipe, Demonstrate):
            parts["demonstrations"] = recipe.demonstrations
        elif isinstance(recipe, Agree):
            parts["agreement"] = recipe.agreement
        elif isinstance(recipe, Label):
            parts["labels"] = recipe.labels
        elif isinstance(recipe, OpenVotes):
            parts["more_samples"] = recipe.more
        elif isinstance(recipe, Pair):
            parts["pairs"] = recipe.pairs
        elif isinstance(recipe, Grade):
            parts["answers"] = recipe.answers
        for part, value in parts.items():
            yield part, flat(value.model_dump(mode="json"))


def _sampling(name: str, recipe: Sample) -> str:
    """The experiment's field with the sampling of a step; further samples are drawn as `sampled` says."""
    if recipe.sampling.temperature == 0:
        return "greedy"
    return "sampled" if name in ("sampled", "more_samples") else "icl_sampled"


def _is_seed(field: str) -> bool:
    return field.rpartition(".")[2] == "seed"


def _models(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """The bases in the order in which steps use them. The weak model's steps are those whose names begin with it."""
    found: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        model = getattr(step.recipe, "model", None)
        if isinstance(model, Model):
            key = model.name, model.revision or ""
            is_weak = step.report_name == "weak_floor" or (step.name.startswith("weak_") and not step.report_name)
            role = "weak model" if is_weak and not step.name.startswith("weak_ft_") else "strong base"
            if role not in found.setdefault(key, []):
                found[key].append(role)
    return [{"role": " and ".join(of), "name": name, "revision": revision} for (name, revision), of in found.items()]


def _source(recipe: Recipe, split: str) -> str:
    """Where the rows of a split are from: a name and a revision, or the world that made them."""
    source: Any = getattr(recipe, split, None)
    if isinstance(source, Recipe):
        values = source.model_dump(mode="json")
        parts = [values.get("name"), values.get("subset"), values.get("split"), values.get("revision")]
        return " ".join(str(part) for part in parts if part)
    return f"generated: the {getattr(recipe, 'world', '')} world, seed {getattr(recipe, 'seed', '')}"
