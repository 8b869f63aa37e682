"""Which steps start together: steps that share a base model share one engine start or one group of training workers.

Pure functions over the graph and the progress of a run, because a table can then test each decision without Ray.
Loading a base's weights can take minutes; so a group that only scores need waits for the other steps of its base. Of
trainings, a whole run then loads each base at most as often as the longest chain of its trainings has links: the weak
base once, the strong one once for each round of stage I and once for stage II. Bases for CPU load in seconds, so there
what only scores need does not wait for a later stage, and engines start beside other loads as soon as one step can use
them: another start fills an idle core. What samples from a base whose engines are alive joins them and waits for
nothing, and trainings may join the workers that train on their base (ray_jobs/driver/live_engines.py).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from ray_jobs.sampling.pool.size import base_of
from w2s.graph.recipes import FineTune, Grade, Prefer, Sample
from w2s.graph.step import Step
from w2s.graph.trained import base_name


def only_scored(steps: Iterable[Step]) -> frozenset[str]:
    """Names of the sampling steps that nothing but grading reads, and of the trainings that only those steps read.

    `steps` is the graph of a whole experiment, inputs before what reads them.
    """
    steps = list(steps)
    readers: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        for name in _inputs(step):
            readers[name].append(step)
    scored = set[str]()
    for step in reversed(steps):
        is_scored = [
            isinstance(reader.recipe, Grade) if isinstance(step.recipe, Sample) else reader.name in scored
            for reader in readers[step.name]
        ]
        if _load(step) and all(is_scored):
            scored.add(step.name)
    return frozenset(scored)


def chains(steps: Sequence[Step]) -> dict[str, int]:
    """How many of `steps` wait for each one, one after another; by its name. `steps` are in the graph's order."""
    longest = dict.fromkeys((step.name for step in steps), 0)
    for step in reversed(steps):
        for name in _inputs(step) & longest.keys():
            longest[name] = max(longest[name], longest[step.name] + 1)
    return longest


def ready_groups(
    missing: Sequence[Step],
    started: Collection[str],
    done: Collection[str],
    scored: Collection[str],
    loads_are_long: bool = True,
    alive: Collection[str] = (),
) -> list[list[Step]]:
    """The groups of steps to start now: all inputs are finished, and waiting would not let them share a load.

    `alive` are the bases whose engines are alive: what samples from them joins, so it waits for no other step, and
    comes first, before a group to which these engines would give way. Where loads are short, what samples waits for no
    other step either while another load that more than scores need runs or may start: what comes later joins.

    A group is one step, or several sampling steps or several trainings with the same base model, those with the longest
    of `chains` first. `missing` holds the steps that the run must do, in the graph's order; `started` and `done` are
    names of some of them; `scored` comes from `only_scored`. Of steps with equal fingerprints only the first is
    returned, because all of them write the same directory.
    """
    unfinished = {step.name for step in missing} - set(done)
    begun = {step.directory for step in missing if step.name in started}
    waiting: dict[str, Step] = {}
    for step in missing:
        if step.directory not in begun:
            waiting.setdefault(step.directory, step)
    groups: dict[tuple[str, str], list[Step]] = defaultdict(list)
    for step in waiting.values():
        if not _inputs(step) & unfinished:
            groups[_load(step) or ("", step.name)].append(step)
    feasible = [step for step in missing if not _inputs(step) & unfinished]
    chain = chains(missing)
    loads = {_load(step) for step in feasible if step.name in unfinished - set(scored)} - {None}
    ready = [
        sorted(group, key=lambda step: -chain[step.name])
        for load, group in groups.items()
        if base_of(group[0]) in alive
        or (not loads_are_long and isinstance(group[0].recipe, Sample) and loads - {load})
        or not _should_wait(
            group,
            [step for step in waiting.values() if step not in group and _load(step) == load],
            unfinished - {step.name for step in feasible if _may_be_awaited(step, group[0])},
            scored,
            loads_are_long,
        )
    ]
    return sorted(ready, key=lambda group: base_of(group[0]) not in alive)


def shared_out(group: list[Step], places: int) -> list[list[Step]]:
    """A group's steps dealt to so many groups side by side, because loads on other GPUs cost no time."""
    return [group[place::places] for place in range(min(places, len(group)))]


def trained_with(group: Sequence[Step], running: Sequence[Sequence[Step]]) -> Sequence[Step] | None:
    """The running group whose workers train on the base of `group`, which its trainings can join."""
    load = _load(group[0])
    if load is None or isinstance(group[0].recipe, Sample):
        return None
    return next((other for other in running if _load(other[0]) == load), None)


def _should_wait(
    group: list[Step], others: list[Step], infeasible: set[str], scored: Collection[str], loads_are_long: bool
) -> bool:
    """Whether a group should wait for `others`, the steps that could share its load.

    A group that only scores need waits for all of them, because nothing else of the run depends on it; where loads are
    short, only for those that more than scores need and those that need no `infeasible` step. Any other group waits
    only for steps that need no `infeasible` step; so its wait ends.
    """
    if all(step.name in scored for step in group):
        return any(loads_are_long or step.name not in scored or not _inputs(step) & infeasible for step in others)
    return any(step.name not in scored and not _inputs(step) & infeasible for step in others)


def _may_be_awaited(step: Step, waiting: Step) -> bool:
    """Whether a group may wait for `step`, which runs now or is free to start: sampling for all but sampling, trainings
    for what loads no base. So no two groups wait for each other."""
    return not _load(step) or (isinstance(waiting.recipe, Sample) and not isinstance(step.recipe, Sample))


def _load(step: Step) -> tuple[str, str] | None:
    """What a step loads that others can share: a base model, into an engine or into training workers."""
    if isinstance(step.recipe, Sample | FineTune | Prefer):
        return "engine" if isinstance(step.recipe, Sample) else "workers", base_name(step)
    return None


def _inputs(step: Step) -> set[str]:
    """Names of the steps whose tables this step reads."""
    return {table.step.name for _, table in step.inputs}
