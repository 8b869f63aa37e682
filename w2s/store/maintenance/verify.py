"""Check a store against its manifests: sizes and checksums of files, inputs of steps, blocks of unfinished steps."""

import json
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from w2s.graph.directory import STEPS, listed_directory, step_directory
from w2s.records import Completion
from w2s.store import layout
from w2s.store.manifest import File, Manifest
from w2s.store.objects.objects import in_parallel
from w2s.store.store import Store


@dataclass(frozen=True)
class Finding:
    """One thing wrong in a step's directory."""

    directory: str
    path: str
    """Relative to the directory."""
    what: str
    is_damage: bool = True
    """False for an input that is not in the store, and for a file that cannot be read just now."""


@dataclass(frozen=True)
class Checked:
    """A step's directory and what is wrong there."""

    directory: str
    state: str
    """finished or unfinished."""
    manifest: Manifest | None
    """None if there is none, or if it is not the step's own."""
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """The step's name; empty without a trusted manifest."""
        return self.manifest.step if self.manifest else ""

    @property
    def files(self) -> Sequence[File]:
        """The files that the manifest names."""
        return self.manifest.files if self.manifest else ()

    @property
    def damage(self) -> list[Finding]:
        """The findings that a repair removes."""
        return [finding for finding in self.findings if finding.is_damage]


def verify(store: Store, directories: Sequence[str] | None = None) -> list[Checked]:
    """Read every file that the manifests name, of the whole store or of the steps in `directories`. Changes nothing."""
    if directories is None:
        directories = [listed_directory(name) for name in store.objects.names(store.objects.path(STEPS))]
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
            found[directory].append(_finding(directory, layout.MANIFEST, one))
        elif one is None:
            found[directory] += _of_unfinished(store, directory)
        else:
            found[directory] += [Finding(directory, layout.MANIFEST, what) for what in _contradictions(directory, one)]
            found[directory] += [
                Finding(directory, role, f"the input {where} is not in the store", False)
                for role, where in absent[directory]
            ]
    return [_checked(directory, read[directory], tuple(found[directory])) for directory in directories]


def block_damage(store: Store, directory: str, relative: str) -> str:
    """What is wrong with a block, a block part or the plan, as far as it shows without a manifest.

    Empty if the file is whole or gone.
    """
    try:
        data = store.objects.read(path := store.objects.path(directory, relative))
        if relative != layout.PLAN:
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
            if relative == layout.PLAN
            else "not the Parquet file of completions that was written"
        )
    return ""


CANNOT_BE_READ = "cannot be read "


def _unreadable(error: OSError) -> str:
    return f"{CANNOT_BE_READ}({type(error).__name__}: {error}): if that lasts, delete it and run with --repair"


def _finding(directory: str, path: str, what: str) -> Finding:
    return Finding(directory, path, what, not what.startswith(CANNOT_BE_READ))


def _manifest(store: Store, directory: str) -> Manifest | str | None:
    """A directory's manifest, or what is wrong with it, or None if there is none."""
    try:
        return Manifest.from_json(store.objects.read(store.objects.path(layout.manifest(directory))))
    except FileNotFoundError:
        return None
    except OSError as error:
        return _unreadable(error)
    except ValueError as error:
        return f"not a manifest ({str(error).splitlines()[0]})"


def _damage(store: Store, directory: str, file: File) -> tuple[str, str]:
    """(what is wrong, the content's sha256)."""
    try:
        size, sha256 = store.objects.digest(store.objects.path(directory, file.path), file.bytes)
    except FileNotFoundError:
        return "missing", ""
    except OSError as error:
        return _unreadable(error), ""
    return file.damage(size, sha256), sha256


def _of_unfinished(store: Store, directory: str) -> list[Finding]:
    """What is wrong with the blocks and the block plan of an unfinished step."""
    names = [f"{layout.BLOCKS}/{name}" for name in store.objects.names(store.objects.path(layout.blocks(directory)))]
    files = [name for name in names if name == layout.PLAN or layout.block_number(posixpath.basename(name))]
    damages = in_parallel(lambda file: block_damage(store, directory, file), files)
    return [_finding(directory, file, damage) for file, damage in zip(files, damages, strict=True) if damage]


def _contradictions(directory: str, manifest: Manifest) -> list[str]:
    own = step_directory(manifest.kind, manifest.fingerprint)
    named = {path for paths in manifest.tables.values() for path in paths}
    wrong = [f"that of {own}"] if own != directory else []
    return wrong + [
        f"names {path} without a checksum" for path in sorted(named - {file.path for file in manifest.files})
    ]


def _absent_inputs(store: Store, manifests: dict[str, Manifest]) -> dict[str, list[tuple[str, str]]]:
    """By directory, the inputs that are not in the store, as (role, where it should be).

    An input that is named by its rows is there where any step has these rows.
    """
    contents = {content for manifest in manifests.values() for content in manifest.contents.values()}
    wanted = sorted({directory for manifest in manifests.values() for directory, _ in manifest.inputs.values()})
    known = dict(zip(wanted, in_parallel(lambda one: manifests.get(one) or _manifest(store, one), wanted), strict=True))

    def is_there(directory: str, table: str) -> bool:
        found = known[directory]
        return found is not None and (not isinstance(found, Manifest) or table in found.tables)

    return {
        directory: [
            (role, f"{step}: {table}")
            for role, (step, table) in manifest.inputs.items()
            if not is_there(step, table) and manifest.input_contents.get(role) not in contents
        ]
        for directory, manifest in manifests.items()
    }


def _checked(directory: str, manifest: Manifest | str | None, findings: tuple[Finding, ...]) -> Checked:
    state = "unfinished" if manifest is None else "finished"
    if not isinstance(manifest, Manifest) or any(finding.path == layout.MANIFEST for finding in findings):
        return Checked(directory, state, None, findings)
    return Checked(directory, state, manifest, findings)
