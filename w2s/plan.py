"""What a run would do: each step's state in a store, and why. Reads manifests only; starts nothing."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal

from w2s.manifest import Manifest
from w2s.step import Step, difference, open_revisions, stable, with_upstream
from w2s.store import Store

State = Literal["done", "resume", "run"]
PARTIAL = ("blocks", "training")
"""Folders of a step's directory that an unfinished attempt leaves and the next one goes on from."""


@dataclass(frozen=True)
class Planned:
    """One step, what will happen to it and why; `directory` is empty while a revision above it is open."""

    step: Step
    state: State
    why: str
    directory: str


def plan(steps: Sequence[Step], store: Store, only: Sequence[str] = ()) -> list[Planned]:
    """The state of each step, inputs first; with `only`, of those steps and what they need.

    Raises ValueError where `only` names a step that is not there.
    """
    named = {step.name: step for step in steps}
    for name in only:
        if name not in named:
            raise ValueError(f"--only {name}: no such step; the steps are {', '.join(named)}")
    chosen = with_upstream([named[name] for name in only]) if only else tuple(steps)
    manifests = store.manifests(chosen)
    unfinished = [step for step in chosen if manifests[step.name] is None]
    finished = {kind: store.finished(kind) for kind in {step.kind for step in unfinished}}
    with ThreadPoolExecutor(16) as pool:
        begun = dict(zip([s.name for s in unfinished], pool.map(partial(_is_partial, store), unfinished), strict=True))
    return [_planned(step, manifests[step.name], begun.get(step.name, False), finished.get(step.kind, [])) for step in chosen]


def _is_partial(store: Store, step: Step) -> bool:
    return any(store.fs.exists(store.path(step.directory, name)) for name in PARTIAL)


def _planned(step: Step, manifest: Manifest | None, begun: bool, finished: list[Manifest]) -> Planned:
    if manifest is not None:
        return Planned(step, "done", f"finished {manifest.started} in {manifest.seconds:.0f} s", step.directory)
    if still_open := open_revisions(step):
        names = ", ".join(dict.fromkeys(one.name for one in still_open))
        return Planned(step, "run", f"revision still open: {names}", "")
    if begun:
        return Planned(step, "resume", "an unfinished attempt is there", step.directory)
    return Planned(step, "run", _why(step, finished), step.directory)


def _why(step: Step, finished: list[Manifest]) -> str:
    """What differs from the finished step most like this one."""
    recipe = stable(step.recipe)
    candidates: list[tuple[int, str, list[str]]] = []
    for other in finished:
        lines = difference(recipe, other.recipe)
        lines += [f"input {role} is another" for role, table in step.inputs if other.inputs.get(role) != (table.step.directory, table.name)]
        candidates.append((len(lines) + (other.step != step.name), other.started, lines))
    if not candidates:
        return "not in the store"
    least = min(count for count, _, _ in candidates)
    lines = max((started, lines) for count, started, lines in candidates if count == least)[1]
    more = f" (+{len(lines) - 3} more)" if len(lines) > 3 else ""
    return f"nearest finished: {', '.join(lines[:3]) or 'same recipe under another name'}{more}"
