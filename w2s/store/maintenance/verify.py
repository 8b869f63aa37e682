"""Whether a store holds what its manifests say: every file's size and checksum, every step's inputs, and the blocks of unfinished steps."""

import json
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from w2s.records import Completion
from w2s.store.manifest import File, Manifest
from w2s.store.objects.objects import in_parallel
from w2s.store.store import Store

PLAN = "blocks/plan.json"
"""Says which problems each of a sampling step's blocks holds."""
BLOCK = re.compile(r"blocks/(plan\.json|\d+\.parquet|\d+\.[0-9a-f]{8}\.part)")


@dataclass(frozen=True)
class Finding:
    """One thing wrong in a step's directory."""

    directory: str
    path: str
    """Relative to the directory."""
    what: str
    is_damage: bool = True
    """False for an input that is not in the store, while the step itself is whole, and for a file that cannot be read just now."""


@dataclass(frozen=True)
class Checked:
    """A step's directory and what is wrong there."""

    directory: str
    state: str
    """finished or unfinished."""
    manifest: Manifest | None
    """Where there is one that is the step's own."""
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """The step's name; empty where it has no manifest that can be trusted."""
        return self.manifest.step if self.manifest else ""

    @property
    def files(self) -> Sequence[File]:
        """The files that the manifest names."""
        return self.manifest.files if self.manifest else ()

    @property
    def damage(self) -> list[Finding]:
        """What a repair mends."""
        return [finding for finding in self.findings if finding.is_damage]


def verify(store: Store, directories: Sequence[str] | None = None) -> list[Checked]:
    """Read every file that the manifests name, of the whole store or of the steps in `directories`; nothing is changed."""
    if directories is None:
        directories = [f"steps/{name}" for name in store.names(store.path("steps"))]
    read = dict(zip(directories, in_parallel(lambda one: _manifest(store, one), directories), strict=True))
    manifests = {directory: one for directory, one in read.items() if isinstance(one, Manifest)}
    files = [(directory, file) for directory, manifest in manifests.items() for file in manifest.files]
    damages = in_parallel(lambda one: _damage(store, *one), files)
    owners = {file.sha256: posixpath.join(directory, file.path) for directory, file in files}
    absent = _absent_inputs(store, manifests)
    found: dict[str, list[Finding]] = {directory: [] for directory in directories}
    for (directory, file), (what, sha256) in zip(files, damages, strict=True):
        if what:
            owner = owners.get(sha256)
            found[directory].append(_finding(directory, file.path, f"{what}; it is {owner}" if owner else what))
    for directory, one in read.items():
        if isinstance(one, str):
            found[directory].append(_finding(directory, "manifest.json", one))
        elif one is None:
            found[directory] += _of_unfinished(store, directory)
        else:
            found[directory] += [Finding(directory, "manifest.json", what) for what in _contradictions(directory, one)]
            found[directory] += [
                Finding(directory, role, f"the input {where} is not in the store", False)
                for role, where in absent[directory]
            ]
    return [_checked(directory, read[directory], tuple(found[directory])) for directory in directories]


def block_damage(store: Store, directory: str, relative: str) -> str:
    """What is wrong with a block, a part of one, or the plan, as far as it shows without a manifest; empty where it is whole, or gone."""
    try:
        data = store.read(path := store.path(directory, relative))
        if relative != PLAN:
            store.parse_records(path, data, Completion)
        elif not json.loads(data)["problems_per_block"] > 0:
            return "no plan of blocks"
    except FileNotFoundError:
        return ""
    except OSError as error:
        return _unreadable(error)
    except (ValueError, TypeError, KeyError) as error:
        return (
            f"no plan of blocks ({error})"
            if relative == PLAN
            else "not the Parquet file of completions that was written"
        )
    return ""


CANNOT_BE_READ = "cannot be read "


def _unreadable(error: OSError) -> str:
    return f"{CANNOT_BE_READ}({type(error).__name__}: {error}): if that does not pass, delete it, and --repair mends the step"


def _finding(directory: str, path: str, what: str) -> Finding:
    return Finding(directory, path, what, not what.startswith(CANNOT_BE_READ))


def _manifest(store: Store, directory: str) -> Manifest | str | None:
    """A directory's manifest, or what is wrong with it, or None where there is none."""
    try:
        return Manifest.from_json(store.read(store.path(directory, "manifest.json")))
    except FileNotFoundError:
        return None
    except OSError as error:
        return _unreadable(error)
    except ValueError as error:
        return f"not a manifest ({str(error).splitlines()[0]})"


def _damage(store: Store, directory: str, file: File) -> tuple[str, str]:
    """(what is wrong, the content's sha256)."""
    try:
        size, sha256 = store.digest(store.path(directory, file.path), file.bytes)
    except FileNotFoundError:
        return "missing", ""
    except OSError as error:
        return _unreadable(error), ""
    return file.damage(size, sha256), sha256


def _of_unfinished(store: Store, directory: str) -> list[Finding]:
    names = [one for name in store.names(store.path(directory, "blocks")) if BLOCK.fullmatch(one := f"blocks/{name}")]
    damages = in_parallel(lambda one: block_damage(store, directory, one), names)
    return [_finding(directory, name, what) for name, what in zip(names, damages, strict=True) if what]


def _contradictions(directory: str, manifest: Manifest) -> list[str]:
    own = f"steps/{manifest.kind}-{manifest.fingerprint[:16]}"
    named = {path for paths in manifest.tables.values() for path in paths}
    wrong = [f"that of {own}"] if own != directory else []
    return wrong + [
        f"names {path} without a checksum" for path in sorted(named - {file.path for file in manifest.files})
    ]


def _absent_inputs(store: Store, manifests: dict[str, Manifest]) -> dict[str, list[tuple[str, str]]]:
    """By directory, the roles whose step is not in the store, or has not the table, as (role, where it should be)."""
    wanted = sorted({directory for manifest in manifests.values() for directory, _ in manifest.inputs.values()})
    known = dict(zip(wanted, in_parallel(lambda one: manifests.get(one) or _manifest(store, one), wanted), strict=True))

    def is_there(directory: str, table: str) -> bool:
        found = known[directory]
        return found is not None and (not isinstance(found, Manifest) or table in found.tables)

    return {
        directory: [
            (role, f"{step}: {table}") for role, (step, table) in manifest.inputs.items() if not is_there(step, table)
        ]
        for directory, manifest in manifests.items()
    }


def _checked(directory: str, manifest: Manifest | str | None, findings: tuple[Finding, ...]) -> Checked:
    state = "unfinished" if manifest is None else "finished"
    if not isinstance(manifest, Manifest) or any(finding.path == "manifest.json" for finding in findings):
        return Checked(directory, state, None, findings)
    return Checked(directory, state, manifest, findings)
