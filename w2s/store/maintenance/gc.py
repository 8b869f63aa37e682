"""Garbage: objects of failed attempts and, on demand, the steps that no kept experiment refers to."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from w2s.graph.directory import split_step
from w2s.store import layout
from w2s.store.lease.heartbeat import live_runs
from w2s.store.lease.lease import is_live
from w2s.store.manifest import Manifest
from w2s.store.objects.objects import Entry, in_parallel
from w2s.store.objects.probes import server_time
from w2s.store.objects.uploads import Upload, abort, unfinished_uploads
from w2s.store.store import Store

ORPHAN_SECONDS = 24 * 3600.0
"""Objects younger than this, by the server's clock, are no orphans: a reader may still have the manifest of before."""
UNREFERRED = "no kept experiment refers to it"


@dataclass(frozen=True)
class Garbage:
    """Objects that are removed together, and why."""

    directory: str
    """The step's directory; empty for objects that belong to no step."""
    why: str
    entries: tuple[Entry, ...]

    @property
    def bytes(self) -> int:
        """Size of all objects."""
        return sum(entry.bytes for entry in self.entries)


def find_garbage(store: Store, keep: Collection[str] | None = None) -> list[Garbage]:
    """Orphans and uploads older than `ORPHAN_SECONDS`; with `keep` (directories) also all other steps.

    Nothing of a step that a live run holds is garbage, nor are an unfinished step's blocks and training checkpoints,
    because the next run continues from them.

    Raises ValueError if a step would be removed while a run is alive, because that run may read it.
    """
    now, root = server_time(store.objects), store.objects.path()
    entries = {entry.path[len(root) :].lstrip("/"): entry for entry in store.objects.tree(root)}
    by_step: defaultdict[str, dict[str, Entry]] = defaultdict(dict)
    temporary: list[Entry] = []
    for path, entry in entries.items():
        if in_step := split_step(path):
            directory, relative = in_step
            by_step[directory][relative] = entry
        elif layout.is_temporary(path) and _is_old(entry, now):
            temporary.append(entry)
    if keep is not None and by_step.keys() - keep:
        _refuse_beside_live_runs(store, now)
    of_steps = in_parallel(
        lambda directory: _in_step(store, directory, by_step[directory], now, keep is None or directory in keep),
        sorted(by_step),
    )
    uploads = [upload for upload in unfinished_uploads(store.objects) if _is_old(upload, now)]
    of_killed = (
        Garbage("", "left by a killed process", tuple(temporary)),
        Garbage("", "incomplete multipart uploads", tuple(uploads)),
    )
    return [garbage for garbage in (*of_steps, *of_killed) if garbage.entries]


def collect(store: Store, garbage: Sequence[Garbage]) -> None:
    """Remove garbage, except of steps that a run holds by now.

    Manifests are removed first, so that no finished step ever has files missing.

    Raises ValueError, before anything is removed, if a step would be removed while a run is alive.
    """
    now = server_time(store.objects)
    if any(one.why == UNREFERRED for one in garbage):
        _refuse_beside_live_runs(store, now)
    live = in_parallel(lambda one: bool(one.directory) and is_live(store.objects, one.directory, now), garbage)
    garbage = [one for one, is_used in zip(garbage, live, strict=True) if not is_used]
    manifests = [store.objects.path(layout.manifest(one.directory)) for one in garbage]
    entries = [entry for one in garbage for entry in one.entries]
    paths = [entry.path for entry in entries if not isinstance(entry, Upload)]
    store.objects.remove([path for path in paths if path in manifests])
    store.objects.remove([path for path in paths if path not in manifests])
    abort(store.objects, [entry for entry in entries if isinstance(entry, Upload)])
    store.objects.prune([store.objects.path(one.directory) for one in garbage])


def _in_step(store: Store, directory: str, entries: dict[str, Entry], now: float, kept: bool) -> Garbage:
    if any(name.startswith(f"{layout.LEASES}/") for name in entries) and is_live(store.objects, directory, now):
        return Garbage(directory, "", ())
    if not kept:
        return Garbage(directory, UNREFERRED, tuple(entries.values()))
    # A file of a replaced manifest is an orphan only since the replacement, and a manifest may be newer than the
    # listing.
    manifests = (layout.MANIFEST, layout.DAMAGED_MANIFEST)
    since = max((entries[name].modified for name in manifests if name in entries), default=0.0)
    try:
        manifest = Manifest.from_json(store.objects.read(store.objects.path(layout.manifest(directory))))
    except FileNotFoundError:
        # The manifests too, because a repair may have set one aside, or a run finished the step, since the listing.
        needed = {name for name in entries if name.split("/")[0] in (*layout.UNFINISHED, *manifests)}
        why = "of an attempt that failed"
    except ValueError:  # verify and --repair report it
        return Garbage(directory, "", ())
    else:
        needed = {layout.MANIFEST, layout.PLAN, *(file.path for file in manifest.files)}
        why = "of attempts that did not become the step"
    orphans = (entry for name, entry in entries.items() if name not in needed and _is_old(entry, now, since))
    return Garbage(directory, why, tuple(orphans))


def _is_old(entry: Entry, now: float, since: float = 0.0) -> bool:
    return now - max(entry.modified, since) > ORPHAN_SECONDS


def _refuse_beside_live_runs(store: Store, now: float) -> None:
    """Raise ValueError if any run's heartbeat is fresh."""
    if live := live_runs(store.objects, now):
        raise ValueError(
            f"run {', '.join(live)} is at work in this store and may need what --keep would remove: wait for its end"
        )
