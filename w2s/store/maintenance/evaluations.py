"""Steps of `w2s eval` that stay beside kept steps: an evaluation goes with the model that it asked.

Known by their manifests alone, because a store does not record the commands that were given.
"""

from collections.abc import Collection

from w2s.graph.directory import STEPS, kind_of, listed_directory, step_directory
from w2s.graph.trained import ROLES
from w2s.store.manifest import Manifest
from w2s.store.store import Store

ROOTS = ("testproblems", "foreignadapter")
"""Kinds of steps that evaluations alone have."""
GIVEN = ("problems", "references")
"""Inputs of a grading step that are no answers."""
ASKED = (*ROLES, "demonstrations")
"""Inputs of a sampling step that make another model of its base."""


def evaluations(store: Store, keep: Collection[str]) -> set[str]:
    """Directories of finished evaluations whose models are a base, a foreign adapter, or trained by steps of `keep`.

    What is unfinished is not among them: its manifest is not there to say what it reads.
    """
    listed = [listed_directory(name) for name in store.objects.names(store.objects.path(STEPS))]
    found = {step_directory(one.kind, one.fingerprint): one for one in store.finished(listed)}
    kinds = {kind: [name for name in found if kind_of(name) == kind] for kind in (*ROOTS, "sample", "grade")}
    known = {*keep, *kinds["foreignadapter"]}
    answers = {name for name in kinds["sample"] if {*_directories(found[name], ASKED)} <= known}
    ours = {name for name in answers if _reads(found[name], ROOTS)}
    for name in kinds["grade"]:
        graded = {directory for role, (directory, _) in found[name].inputs.items() if role not in GIVEN}
        if _reads(found[name], ROOTS) and graded <= answers:
            ours |= {name, *graded}  # an answer that an experiment asked for first is in that experiment's step
    reads = {directory for name in ours for directory, _ in found[name].inputs.values()}
    return ours | {name for kind in ROOTS for name in kinds[kind] if name in reads}


def _directories(manifest: Manifest, roles: Collection[str]) -> list[str]:
    return [directory for role, (directory, _) in manifest.inputs.items() if role in roles]


def _reads(manifest: Manifest, kinds: Collection[str]) -> bool:
    return any(kind_of(directory) in kinds for directory in _directories(manifest, GIVEN))
