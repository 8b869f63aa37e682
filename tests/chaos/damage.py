"""Damage to stored objects: every class of it, found by checksum, named, and mended by running that step alone."""

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

from w2s.manifest import Manifest

CLASSES = ("cut", "flipped", "missing", "extended", "another step's")


@dataclass(frozen=True)
class Object:
    """One committed file of a folder store."""

    step: str
    path: Path


def objects(store: Path) -> list[Object]:
    """All committed files, in a fixed order."""
    found: list[Object] = []
    for path in sorted(store.glob("steps/*/manifest.json")):
        manifest = Manifest.model_validate_json(path.read_text())
        found += [Object(manifest.step, path.parent / file.path) for file in manifest.files]
    return found


def damage(victim: Object, way: str, others: list[Object], rng: random.Random) -> None:
    """Do one class of damage to one object, so that its bytes are surely others than before."""
    data = victim.path.read_bytes()
    if way == "cut":
        victim.path.write_bytes(data[: rng.randrange(len(data))])
    elif way == "flipped":
        at = rng.randrange(len(data))
        victim.path.write_bytes(data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :])
    elif way == "missing":
        victim.path.unlink()
    elif way == "extended":
        victim.path.write_bytes(data + rng.randbytes(rng.randint(1, 64)))
    else:
        strange = [one for one in others if one.step != victim.step and one.path.suffix == victim.path.suffix and one.path.read_bytes() != data]
        shutil.copyfile(rng.choice(strange).path, victim.path)
