"""Which bytes a name stands for: hub names to commits, files and splits to content hashes, before anything is planned.

Not here: downloading models (ray_jobs/models/folders.py).
"""

# pyright: reportMissingTypeStubs=false
import json
from typing import TypeVar

from w2s.data.location import is_hub_name, locate
from w2s.data.revision import hash_local, hash_url, hub_commit, misfit, record_name
from w2s.data.splits import read_problems
from w2s.graph.build import build_steps
from w2s.graph.contents import content_of
from w2s.graph.directory import STEPS
from w2s.graph.step import Step, step
from w2s.recipe import DatasetProblems, Experiment, Model, Recipe, Source, TestProblems, WorldProblems
from w2s.store import layout
from w2s.store.manifest import readable_manifest
from w2s.store.store import Store

Value = TypeVar("Value")
Named = TypeVar("Named", bound=Recipe)


def identify(experiment: Named, store: Store, *, network: bool) -> Named:
    """The experiment, or other recipe, with the `revision` of its models and sources filled in where it is None.

    Package and local files are hashed each time, so that an edit is noticed. A hub name is looked up once per store,
    and then read from the store's record. A URL is hashed and recorded each time. Without `network`, hub names and URLs
    are read from the record alone; where it has none, the revision stays None.

    Raises ValueError, naming the recipe's field, for what is not there, cannot be reached, or is no usable model
    folder, and for an explicit revision that is not of this name.
    """
    known: dict[tuple[str | None, ...], str | None] = {}

    def revision(one: Model | Source, field: str) -> str | None:
        part = (one.split, one.subset) if isinstance(one, Source) else ()  # of a folder
        key = (type(one).__name__, one.name, *part)
        if one.revision is not None:
            if why := misfit(one, one.revision):
                raise ValueError(
                    f"{field}.revision={one.revision!r} does not fit {one.name!r}, {why}: --set {field}.revision=none"
                )
            return one.revision
        if key not in known:
            try:
                known[key] = _resolve(one, store, network)
            except ValueError as error:
                raise ValueError(f"{field}.name={one.name!r}: {error}") from error
        return known[key]

    def filled(value: Value, field: str) -> Value:
        if isinstance(value, Model | Source):
            known_as = {"revision": revision(value, field)}
            path = locate(value.name)
            if path is not None and "://" not in value.name and not value.name.startswith("package:"):
                known_as["name"] = str(path.absolute())  # workers have other working directories
            return value.model_copy(update=known_as)
        if isinstance(value, Recipe):
            prefix = f"{field}." if field else ""
            return value.model_copy(
                update={name: filled(getattr(value, name), prefix + name) for name in type(value).model_fields}
            )
        return value

    return filled(experiment, "")


def identified_steps(experiment: Experiment, store: Store, *, read: bool = False) -> tuple[Step, ...]:
    """The steps of an identified experiment, what reads a split named by the split's rows.

    Raises ValueError, with `read`, for problems that the problems step would refuse.
    """
    return build_steps(experiment, known_contents(experiment.problems, store, read=read))


def known_contents(
    recipe: DatasetProblems | TestProblems | WorldProblems, store: Store, *, read: bool = False
) -> dict[str, str]:
    """Hashes of the rows of each split's tables; empty where they are unknown.

    The manifest of the problems step has them. Where it is not finished they are unknown; `read` then
    reads the problems here, which loads no model, unless the store is new and has nothing that could be done already.

    Raises ValueError, with `read`, for problems that the step itself would refuse.
    """
    problems = step("problems", recipe)
    finished = readable_manifest(store.objects, problems.directory)
    if finished is not None:
        return finished.contents
    if not read or problems.open_revisions or not store.objects.names(store.objects.path(STEPS)):
        return {}
    splits = read_problems(recipe).splits
    contents = {name: content_of(split.problems) for name, split in splits.items()}
    return contents | {f"{name}_references": content_of(split.references) for name, split in splits.items()}


def _resolve(named: Model | Source, store: Store, network: bool) -> str | None:
    if locate(named.name) is not None:
        return hash_local(named)
    kind, name = "model" if isinstance(named, Model) else "dataset", record_name(named)
    recorded = _recorded(store, kind, name)
    if not network or (recorded is not None and is_hub_name(name)):
        return recorded
    if is_hub_name(name):
        store.objects.create(_record_path(store, kind, name), _record(name, hub_commit(named)))
        return _recorded(store, kind, name)
    found = hash_url(named)
    if found != recorded:
        store.objects.write(_record_path(store, kind, name), _record(name, found))
    return found


def _record_path(store: Store, kind: str, name: str) -> str:
    return store.objects.path(layout.revision(kind, name))


def _record(name: str, revision: str) -> bytes:
    return json.dumps({"name": name, "revision": revision}).encode()


def _recorded(store: Store, kind: str, name: str) -> str | None:
    path = _record_path(store, kind, name)
    try:
        return str(json.loads(store.objects.read(path))["revision"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"its record {path} cannot be read: delete that file to have it looked up again") from error
