"""The cheap steps between sampling and training: tables in, a pure function of w2s, tables out."""

from collections import Counter

from ray_jobs.progress import Progress
from ray_jobs.resources import Resources
from ray_jobs.versions import versions
from w2s.consistency import agree
from w2s.demonstrations import choose_demonstrations
from w2s.preferences import contrast
from w2s.problems import read_problems
from w2s.recipe import DatasetProblems, WorldProblems
from w2s.records import Completion, Consensus, Demonstration, Duplicate, PreferencePair, Problem, Reference, Selection, SFTExample
from w2s.step import Step
from w2s.step_recipes import Agree, Demonstrate, Pair
from w2s.store import Store


def problems(steps: list[Step], store: Store, resources: Resources, progress: Progress) -> None:
    """The three splits' problems and references."""
    (step,) = steps
    assert isinstance(step.recipe, DatasetProblems | WorldProblems)
    attempt = store.attempt(step)
    splits, counts, duplicates = read_problems(step.recipe)
    for name, split in splits.items():
        attempt.write_records(name, split.problems, Problem)
        attempt.write_records(f"{name}_references", split.references, Reference)
    attempt.write_records("duplicates", duplicates, Duplicate)
    attempt.counts.update(counts)
    attempt.commit(versions("datasets"))
    progress.finished(step.name, ", ".join(f"{len(split.problems)} {name}" for name, split in splits.items()) + _removed(counts))


def demonstrations(steps: list[Step], store: Store, resources: Resources, progress: Progress) -> None:
    """Demonstrations from the weak model's completions."""
    (step,) = steps
    assert isinstance(step.recipe, Demonstrate)
    attempt = store.attempt(step)
    rows = choose_demonstrations(
        store.inputs(step, "problems", Problem),
        store.inputs(step, "completions", Completion),
        step.recipe.demonstrations,
        step.recipe.answers,
    )
    attempt.write_records("demonstrations", rows, Demonstration)
    attempt.commit(versions())
    progress.finished(step.name, f"{len(rows)} demonstrations: {', '.join(row.problem_id for row in rows)}")


def consistent(steps: list[Step], store: Store, resources: Resources, progress: Progress) -> None:
    """Stage I's kept examples."""
    (step,) = steps
    assert isinstance(step.recipe, Agree)
    attempt = store.attempt(step)
    agreed = agree(
        store.inputs(step, "problems", Problem),
        store.inputs(step, "weak", Completion),
        store.inputs(step, "icl", Completion),
        [one.problem_id for one in store.inputs(step, "demonstrations", Demonstration)],
        step.recipe.agreement,
        step.recipe.answers,
    )
    for name, rows in (("weak", agreed.weak_half), ("icl", agreed.icl_half), ("hybrid", agreed.hybrid)):
        attempt.write_records(name, rows, SFTExample)
    attempt.write_records("selection", agreed.selection, Selection)
    counts = outcomes(agreed.selection)
    attempt.counts.update(counts)
    attempt.commit(versions())
    progress.finished(step.name, f"{len(agreed.weak_half)} of {len(agreed.selection)} kept ({listed(counts)})")


def pairs(steps: list[Step], store: Store, resources: Resources, progress: Progress) -> None:
    """Stage II's votes and preference pairs."""
    (step,) = steps
    assert isinstance(step.recipe, Pair)
    attempt = store.attempt(step)
    found = contrast(
        store.inputs(step, "problems", Problem),
        store.inputs(step, "samples", Completion),
        store.inputs(step, "weak", Completion),
        step.recipe.pairs,
        step.recipe.answers,
    )
    attempt.write_records("consensus", found.consensus, Consensus)
    attempt.write_records("pairs", found.pairs, PreferencePair)
    counts = outcomes(found.consensus)
    by_weak = sum(pair.chosen_source == "weak" for pair in found.pairs)
    attempt.counts.update(counts | {"pairs": len(found.pairs), "weak_chosen": by_weak})
    attempt.commit(versions())
    progress.finished(step.name, f"{len(found.pairs)} pairs, {by_weak} with the weak completion chosen ({listed(counts)})")


def outcomes(rows: list[Selection] | list[Consensus]) -> dict[str, float]:
    """Rows by outcome, the most frequent first."""
    return dict(Counter(row.outcome for row in rows).most_common())


def listed(counts: dict[str, float]) -> str:
    """Counts as `3 kept, 1 differ`."""
    return ", ".join(f"{count:.0f} {name}" for name, count in counts.items())


def _removed(counts: dict[str, float]) -> str:
    return f" ({listed({name: count for name, count in counts.items() if count})})" if any(counts.values()) else ""
