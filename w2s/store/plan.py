"""What a run would do: each step's state in a store, and why. Reads manifests only; starts nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from w2s.errors import closest
from w2s.graph.directory import STEPS, kind_of, listed_directory
from w2s.graph.fingerprint import difference, stable
from w2s.graph.recipes import Report
from w2s.graph.step import Step, with_upstream
from w2s.store import layout
from w2s.store.manifest import Manifest
from w2s.store.objects.objects import in_parallel
from w2s.store.status import holders
from w2s.store.store import Store

State = Literal["done", "resume", "run", "absent"]
"""`absent`: not in the store, and nothing that will run reads it."""


@dataclass(frozen=True)
class Planned:
    """One step, what will happen to it and why; `directory` is empty while a revision or content above it is open."""

    step: Step
    state: State
    why: str
    directory: str


def plan(steps: Sequence[Step], store: Store, only: Sequence[str] = (), also: Sequence[str] = ()) -> list[Planned]:
    """The state of each step, inputs first; with `only`, of these steps and the steps they need.

    The goals are the steps of `only` (without it, the steps that no other step reads) and of `also`. A step that is not
    in the store runs if it is a goal, or if a step that runs reads it.

    Raises ValueError if `only` names an unknown step.
    """
    check_only(steps, only)
    named = {step.name: step for step in steps}
    chosen = with_upstream([named[name] for name in only]) if only else tuple(steps)
    # One request for a thousand steps, so that no manifest is asked for that cannot be there. A run that takes a step's
    # lease looks for its manifest again.
    names = store.objects.names(store.objects.path(STEPS))
    directories = {listed_directory(name) for name in names}
    there = [step for step in chosen if step.directory in directories]
    manifests: dict[str, Manifest | None] = dict.fromkeys((step.name for step in chosen), None) | store.manifests(there)
    wanted = _wanted(chosen, {name for name, manifest in manifests.items() if manifest is None}, {*only, *also})
    unfinished = [step for step in there if manifests[step.name] is None]
    begun = {
        step.name
        for step, is_partial in zip(unfinished, in_parallel(partial(_is_partial, store), unfinished), strict=True)
        if is_partial
    }
    held = holders(store.objects, [step.directory for step in unfinished])
    kinds = {step.kind for step in chosen if step.name in wanted - begun}
    others = [
        directory
        for directory in sorted(directories - {step.directory for step in there})
        if kind_of(directory) in kinds
    ]
    finished = [*(manifest for manifest in manifests.values() if manifest), *store.finished(others)]
    lines = [_planned(step, manifests[step.name], step.name in wanted, step.name in begun, finished) for step in chosen]
    # What a run here would do stays: it waits for the holder, and goes on where that run is lost.
    return [replace(line, why=str(held[line.directory])) if line.directory in held else line for line in lines]


def check_only(steps: Sequence[Step], only: Sequence[str]) -> None:
    """Raise ValueError if `only` names an unknown step."""
    names = [step.name for step in steps]
    for name in only:
        if name not in names:
            raise ValueError(f"--only {name}: no such step{closest(name, names)}; the steps are {', '.join(names)}")


def to_run(planned: Sequence[Planned]) -> list[Step]:
    """The steps of a plan that a run would run."""
    return [line.step for line in planned if line.state in ("run", "resume")]


def _wanted(chosen: Sequence[Step], unfinished: set[str], asked: set[str]) -> set[str]:
    """Names of the unfinished steps that must run."""
    read = {table.step.name for step in chosen for _, table in step.inputs}
    wanted: set[str] = set()
    for step in reversed(chosen):  # readers before what they read
        if step.name in unfinished and (step.name in asked or (step.name not in read) or step.name in wanted):
            wanted.add(step.name)
            # The report shows the counts of everything above it.
            needed = (
                with_upstream([step]) if isinstance(step.recipe, Report) else [table.step for _, table in step.inputs]
            )
            wanted |= {one.name for one in needed} & unfinished
    return wanted


def _is_partial(store: Store, step: Step) -> bool:
    return not set(layout.UNFINISHED).isdisjoint(store.objects.names(store.objects.path(step.directory)))


def _planned(step: Step, manifest: Manifest | None, wanted: bool, begun: bool, finished: list[Manifest]) -> Planned:
    if manifest is not None:
        return Planned(step, "done", f"finished {manifest.started} in {manifest.seconds:.0f} s", step.directory)
    if still_open := step.open_revisions:
        names = ", ".join(dict.fromkeys(one.name for one in still_open))
        return Planned(step, "run", f"revision still open: {names}", "")
    if not wanted:
        return Planned(
            step, "absent", f"not needed: what reads it is finished; --only {step.name} makes it", step.directory
        )
    if begun:
        return Planned(step, "resume", "an unfinished attempt is there", step.directory)
    if step.unread:
        return Planned(step, "run", f"known once {', '.join(step.unread)} is finished", "")
    return Planned(step, "run", _why(step, finished), step.directory)


def _why(step: Step, finished: list[Manifest]) -> str:
    """What differs from the finished step most like this one."""
    recipe = stable(step.recipe)
    candidates: list[tuple[int, str, list[str]]] = []
    for other in (one for one in finished if one.kind == step.kind):
        lines = difference(recipe, other.recipe)
        lines += [
            f"input {role} is another"
            for role, table in step.inputs
            if (other.input_contents.get(role) or other.inputs.get(role))
            != (table.content or (table.step.directory, table.name))
        ]
        candidates.append((len(lines) + (other.step != step.name), other.started, lines))
    if not candidates:
        return "not in the store"
    least = min(count for count, _, _ in candidates)
    lines = max((started, lines) for count, started, lines in candidates if count == least)[1]
    more = f" (+{len(lines) - 3} more)" if len(lines) > 3 else ""
    return f"nearest finished: {', '.join(lines[:3]) or 'same recipe under another name'}{more}"
