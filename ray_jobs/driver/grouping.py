"""Which steps start together: sampling steps that share a base model share one engine start.

Pure functions over the graph and the progress of a run, because a table can then test each decision without Ray.
Starting an engine loads a base's weights, which can take minutes; so a group that only scores need waits for the other
sampling steps of its base.
"""

from collections.abc import Collection, Iterable, Sequence

from w2s.graph.recipes import Grade, Sample
from w2s.graph.step import Step


def only_scored(steps: Iterable[Step]) -> frozenset[str]:
    """Names of the sampling steps that nothing but grading reads, in the graph of a whole experiment."""
    steps = list(steps)
    sampled = {step.name for step in steps if isinstance(step.recipe, Sample)}
    read_elsewhere = {
        table.step.name for step in steps if not isinstance(step.recipe, Grade) for _, table in step.inputs
    }
    return frozenset(sampled - read_elsewhere)


def ready_groups(
    missing: Sequence[Step], started: Collection[str], done: Collection[str], scored: Collection[str]
) -> list[list[Step]]:
    """The groups of steps to start now: all inputs are finished, and waiting would not let them share an engine.

    A group is one step, or several sampling steps with the same base model. `missing` holds the steps that the run
    must do, in the graph's order; `started` and `done` are names of some of them; `scored` comes from `only_scored`.
    Of steps with equal fingerprints only the first is returned, because all of them write the same directory.
    """
    unfinished = {step.name for step in missing} - set(done)
    begun = {step.directory for step in missing if step.name in started}
    waiting: dict[str, Step] = {}
    for step in missing:
        if step.directory not in begun:
            waiting.setdefault(step.directory, step)
    groups: dict[str, list[Step]] = {}
    for step in waiting.values():
        if not _inputs(step) & unfinished:
            groups.setdefault(_engine(step) or step.name, []).append(step)
    feasible = {step.name for step in missing if not _engine(step) and not _inputs(step) & unfinished}
    return [
        group
        for group in groups.values()
        if not _should_wait(
            group, [step for step in waiting.values() if step not in group], unfinished, feasible, scored
        )
    ]


def _should_wait(
    group: list[Step], others: list[Step], unfinished: set[str], feasible: set[str], scored: Collection[str]
) -> bool:
    """Whether a sampling group should wait for other steps of its base, to share their engine start.

    A group that only scores need waits for all of them, because nothing else of the run depends on it. Any other group
    waits only for steps whose unfinished inputs are all `feasible`: running now or free to start. Those never wait
    themselves, so the group's wait ends.
    """
    engine = _engine(group[0])
    others = [step for step in others if engine and _engine(step) == engine]
    if all(step.name in scored for step in group):
        return bool(others)
    return any(step.name not in scored and _inputs(step) & unfinished <= feasible for step in others)


def _engine(step: Step) -> str:
    """The base model whose engine a sampling step needs; empty for all other steps."""
    return str(step.recipe.model) if isinstance(step.recipe, Sample) else ""


def _inputs(step: Step) -> set[str]:
    """Names of the steps whose tables this step reads."""
    return {table.step.name for _, table in step.inputs}
