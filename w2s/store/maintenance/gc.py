"""What nothing needs: objects of failed attempts, and on demand the steps that no kept experiment refers to."""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from w2s.store.lease.leases import is_live, live_runs
from w2s.store.maintenance.repair import SET_ASIDE
from w2s.store.maintenance.verify import PLAN
from w2s.store.manifest import Manifest
from w2s.store.objects.objects import Entry, in_parallel
from w2s.store.objects.uploads import Upload, abort, unfinished_uploads
from w2s.store.plan import PARTIAL
from w2s.store.store import Store

ORPHAN_SECONDS = 24 * 3600.0
"""Age by the server's clock below which nothing counts as an orphan: a reader may still have the manifest that named it."""
UNREFERRED = "no kept experiment refers to it"
STEP = re.compile(r"(steps/[^/]+)/(.+)")
TEMPORARY = re.compile(r"(^probe-[0-9a-f]{16}|^runs/[^/]+\.json|\.[0-9a-f]{8}\.tmp)$")


@dataclass(frozen=True)
class Garbage:
    """Objects that go together, and why."""

    directory: str
    """The step's directory; empty for what belongs to no step."""
    why: str
    entries: tuple[Entry, ...]

    @property
    def bytes(self) -> int:
        """Size of all objects."""
        return sum(entry.bytes for entry in self.entries)


def find_garbage(store: Store, keep: Collection[str] | None = None) -> list[Garbage]:
    """Orphans and uploads older than `ORPHAN_SECONDS`, and with `keep` (directories) all other steps; nothing of a step that a live run holds.

    An unfinished step's blocks and training checkpoints are no orphans: the next run goes on from them.

    Raises ValueError where a step would have to go while a run is alive, which may be reading it.
    """
    now, root = store.now(), store.path()
    entries = {entry.path[len(root) :].lstrip("/"): entry for entry in store.tree(root)}
    by_step: defaultdict[str, dict[str, Entry]] = defaultdict(dict)
    for relative, entry in entries.items():
        if match := STEP.fullmatch(relative):
            by_step[match[1]][match[2]] = entry
    if keep is not None and by_step.keys() - keep:
        _refuse_beside_live_runs(store, now)
    found = in_parallel(
        lambda one: _in_step(store, one, by_step[one], now, keep is None or one in keep), sorted(by_step)
    )
    loose = [
        entry
        for relative, entry in entries.items()
        if TEMPORARY.search(relative) and _is_old(entry, now) and not STEP.fullmatch(relative)
    ]
    uploads = [upload for upload in unfinished_uploads(store) if _is_old(upload, now)]
    killed = (
        Garbage("", "left by a killed process", tuple(loose)),
        Garbage("", "uploads in parts that never ended", tuple(uploads)),
    )
    return [one for one in (*found, *killed) if one.entries]


def collect(store: Store, garbage: Sequence[Garbage]) -> None:
    """Remove it, but for what a run has begun to use since it was found: a step's manifest first, so that no moment shows a finished
    step with files missing.

    Raises ValueError, before anything is removed, where a step would have to go while a run is alive.
    """
    now = store.now()
    if any(one.why == UNREFERRED for one in garbage):
        _refuse_beside_live_runs(store, now)
    live = in_parallel(lambda one: bool(one.directory) and is_live(store, one.directory, now), garbage)
    garbage = [one for one, is_used in zip(garbage, live, strict=True) if not is_used]
    manifests = [store.path(one.directory, "manifest.json") for one in garbage]
    entries = [entry for one in garbage for entry in one.entries]
    objects = [entry.path for entry in entries if not isinstance(entry, Upload)]
    store.remove([path for path in objects if path in manifests])
    store.remove([path for path in objects if path not in manifests])
    abort(store, [entry for entry in entries if isinstance(entry, Upload)])
    store.prune([store.path(one.directory) for one in garbage])


def _in_step(store: Store, directory: str, entries: dict[str, Entry], now: float, kept: bool) -> Garbage:
    if any(name.startswith("lease/") for name in entries) and is_live(store, directory, now):
        return Garbage(directory, "", ())
    if not kept:
        return Garbage(directory, UNREFERRED, tuple(entries.values()))
    # What a manifest named is an orphan since that was replaced or set aside; and the listing may be older than the manifest.
    since = max((entries[name].modified for name in ("manifest.json", SET_ASIDE) if name in entries), default=0.0)
    try:
        manifest = Manifest.from_json(store.read(store.path(directory, "manifest.json")))
    except FileNotFoundError:
        needed = {
            name for name in entries if name.split("/")[0] in (*PARTIAL, SET_ASIDE, "manifest.json")
        }  # one set aside meanwhile may be new
        why = "of an attempt that failed"
    except ValueError:  # verify and --repair speak of that
        return Garbage(directory, "", ())
    else:
        needed = {"manifest.json", PLAN, *(file.path for file in manifest.files)}
        why = "of attempts that did not become the step"
    orphans = (entry for name, entry in entries.items() if name not in needed and _is_old(entry, now, since))
    return Garbage(directory, why, tuple(orphans))


def _is_old(entry: Entry, now: float, since: float = 0.0) -> bool:
    return now - max(entry.modified, since) > ORPHAN_SECONDS


def _refuse_beside_live_runs(store: Store, now: float) -> None:
    """Raise ValueError where any run's heartbeat is fresh."""
    if live := live_runs(store, now):
        raise ValueError(
            f"run {', '.join(live)} is at work in this store and may need what --keep would remove: wait for its end"
        )
