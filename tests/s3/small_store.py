"""A small store of four steps, and every class of damage to its files."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

from w2s import recipe
from w2s.graph import recipes
from w2s.graph.recipes import Sample
from w2s.graph.step import Step, step
from w2s.recipe import Model, Sampling
from w2s.records import Completion, Problem
from w2s.store.attempt import Attempt
from w2s.store.lease.leases import Leases
from w2s.store.maintenance.repair import set_damaged_aside
from w2s.store.manifest import describe
from w2s.store.store import Store
from w2s.store.tables import parquet_bytes


class WorldProblems(recipe.WorldProblems):
    """The real recipe, with a document and a folder beside its tables; a fingerprint holds the class's name alone."""

    tables = (*recipe.WorldProblems.tables, "notes", "model")


class Report(recipes.Report):
    """The real recipe, with the tables of every small step."""

    tables = ("test", "notes")


PROBLEMS = step("problems", WorldProblems(seed=1))
OTHERS = step("others", WorldProblems(seed=2))
SAMPLED = step(
    "sampled", Sample(model=Model(name="m", revision="1"), sampling=Sampling(n=1)), problems=PROBLEMS["test"]
)
LAST = step(
    "last", Report(experiment="e", description=""), completions=SAMPLED["completions"], problems=PROBLEMS["test"]
)
GRAPH = [PROBLEMS, SAMPLED, LAST]
BLOCKS = 3


def finish(store: Store, one: Step, rows: int = 4) -> None:
    attempt = Attempt(store, one)
    attempt.write_records("test", [Problem(f"p{n}", f"{one.name} {n}") for n in range(rows)], Problem)
    attempt.write_document("notes", [one.name])
    attempt.commit({})


def sample(store: Store) -> None:
    """As the sampling job does it: only the blocks that are missing."""
    attempt = Attempt(store, SAMPLED)
    store.objects.create(
        store.objects.path(SAMPLED.directory, "blocks/plan.json"), json.dumps({"problems_per_block": 2}).encode()
    )
    for block in range(BLOCKS):
        path = f"blocks/{block:05d}.parquet"
        rows = [Completion(f"p{2 * block + n}", 0, "m", "text", "stop", 1, 1, 0) for n in range(2)]
        store.objects.create(store.objects.path(SAMPLED.directory, path), parquet_bytes(rows, Completion))
        attempt.include("completions", describe(path, store.objects.read(store.objects.path(SAMPLED.directory, path))))
    attempt.counts.update(problems=2 * BLOCKS)
    attempt.commit({})


def whole(store: Store) -> None:
    finish(store, PROBLEMS)
    finish(store, OTHERS)
    sample(store)
    finish(store, LAST)


def object_of(store: Store, one: Step, table: str) -> str:
    manifest = store.manifest(one)
    assert manifest is not None
    return store.objects.path(one.directory, manifest.tables[table][0])


def repair_store(store: Store, log: Callable[[str], None], steps: Sequence[Step] = tuple(GRAPH)) -> list[str]:
    with Leases(store.objects, "repair", log) as leases:
        return set_damaged_aside(steps, replace(store, run="repair"), leases)


def flipped(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]


DAMAGE: dict[str, tuple[Callable[[bytes, bytes], bytes | None], str]] = {
    "cut": (lambda own, other: own[: len(own) // 2], "cut: "),
    "cut to nothing": (lambda own, other: b"", "cut: 0 bytes"),
    "flipped": (lambda own, other: flipped(own), "other bytes"),
    "missing": (lambda own, other: None, "missing"),
    "extra": (lambda own, other: own + b"\x00", "too long"),
    "replaced": (lambda own, other: other, "it is steps/report-"),
}


def damage(store: Store, path: str, kind: str) -> str:
    """Damage the object at `path`; returns a part of the message that must name this kind of damage."""
    change, message = DAMAGE[kind]
    data = change(store.objects.read(path), store.objects.read(object_of(store, LAST, "test")))
    store.objects.remove([path]) if data is None else store.objects.write(path, data)
    return message
