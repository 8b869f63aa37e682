"""Whether a store holds what its manifests say: every file's size and checksum, and every step's inputs."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from w2s.manifest import File, Manifest
from w2s.objects import Objects, in_parallel


@dataclass(frozen=True)
class Finding:
    """One thing wrong in a step's directory."""

    directory: str
    path: str
    """Relative to the directory."""
    what: str
    is_damage: bool = True
    """False for an input that is not in the store: the step itself is whole."""


@dataclass(frozen=True)
class Checked:
    """A step's directory and what is wrong there."""

    directory: str
    name: str
    """The step's name; empty where it has no readable manifest."""
    state: str
    """finished or unfinished."""
    files: int
    bytes: int
    findings: tuple[Finding, ...]


def verify(store: Objects, directories: Sequence[str] | None = None) -> list[Checked]:
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
            found[directory].append(Finding(directory, file.path, f"{what}; it is {owner}" if owner else what))
    for directory, one in read.items():
        if isinstance(one, ValueError):
            found[directory].append(Finding(directory, "manifest.json", f"not a manifest ({str(one).splitlines()[0]})"))
        elif isinstance(one, Manifest):
            found[directory] += [Finding(directory, "manifest.json", what) for what in _contradictions(directory, one)]
            found[directory] += [Finding(directory, role, f"the input {where} is not in the store", False) for role, where in absent[directory]]
    return [_checked(directory, read[directory], found[directory]) for directory in directories]


def _manifest(store: Objects, directory: str) -> Manifest | ValueError | None:
    try:
        return Manifest.from_json(store.read(store.path(directory, "manifest.json")))
    except FileNotFoundError:
        return None
    except ValueError as error:
        return error


def _damage(store: Objects, directory: str, file: File) -> tuple[str, str]:
    """(what is wrong, the content's sha256)."""
    try:
        size, sha256 = store.digest(store.path(directory, file.path), file.bytes)
    except FileNotFoundError:
        return "missing", ""
    return file.damage(size, sha256), sha256


def _contradictions(directory: str, manifest: Manifest) -> list[str]:
    own = f"steps/{manifest.kind}-{manifest.fingerprint[:16]}"
    named = {path for paths in manifest.tables.values() for path in paths}
    wrong = [f"that of {own}"] if own != directory else []
    return wrong + [f"names {path} without a checksum" for path in sorted(named - {file.path for file in manifest.files})]


def _absent_inputs(store: Objects, manifests: dict[str, Manifest]) -> dict[str, list[tuple[str, str]]]:
    """By directory, the roles whose step is not in the store, or has not the table, as (role, where it should be)."""
    wanted = sorted({directory for manifest in manifests.values() for directory, _ in manifest.inputs.values()})
    known = dict(zip(wanted, in_parallel(lambda one: manifests.get(one) or _manifest(store, one), wanted), strict=True))

    def is_there(directory: str, table: str) -> bool:
        found = known[directory]
        return found is not None and (not isinstance(found, Manifest) or table in found.tables)

    return {
        directory: [(role, f"{step}: {table}") for role, (step, table) in manifest.inputs.items() if not is_there(step, table)]
        for directory, manifest in manifests.items()
    }


def _checked(directory: str, manifest: Manifest | ValueError | None, findings: list[Finding]) -> Checked:
    if not isinstance(manifest, Manifest):
        return Checked(directory, "", "unfinished" if manifest is None else "finished", 0, 0, tuple(findings))
    return Checked(directory, manifest.step, "finished", len(manifest.files), sum(file.bytes for file in manifest.files), tuple(findings))
