"""Damages stored objects in five ways; `w2s verify` must name each, and a repair must run only the damaged steps
again."""

import random
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.campaign import Campaign
from tests.chaos.checks import check
from tests.chaos.figures import Run
from tests.chaos.jobs.job import Job, Work
from tests.chaos.jobs.processes import ENVIRONMENT
from tests.chaos.jobs.template import CURATION, finished_copy
from tests.conftest import w2s
from w2s.store.manifest import Manifest
from w2s.store.store import Store

CLASSES = ("cut", "flipped", "missing", "extended", "another step's")
MOST_A_RUN = 10
KIND = "damaged objects"
KINDS_OF_STEPS = {"sampling": ("sample", "finetune"), "curation": CURATION}
"""Kinds of steps to damage. Repairs of `sampling` need engines and training workers, repairs of `curation` do not."""


@dataclass(frozen=True)
class Object:
    """One committed file of a folder store."""

    step: str
    path: Path


def objects(job: Job) -> list[Object]:
    """All committed files of the job's steps, in a fixed order."""
    found: list[Object] = []
    for step in job.work.steps(Store.at(str(job.store))):
        folder = job.store / step.directory
        manifest = Manifest.model_validate_json((folder / "manifest.json").read_text())
        found += [Object(manifest.step, folder / file.path) for file in manifest.files]
    return found


def damage(victim: Object, way: str, others: list[Object], rng: random.Random) -> None:
    """Damage one object in one way, so that its bytes certainly change."""
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
        fitting = [
            one
            for one in others
            if one.step != victim.step and one.path.suffix == victim.path.suffix and one.path.exists()
        ]
        different = [one for one in fitting if one.path.read_bytes() != data]
        shutil.copyfile(rng.choice(different).path, victim.path)


def spoil(campaign: Campaign, work: Work, faults: int, during: Collection[str]) -> None:
    """Damage finished stores, verify, repair and compare them: completions and adapters once, curation until
    `faults`."""
    for place in [place for place in KINDS_OF_STEPS if place in during]:
        enough = min(faults, MOST_A_RUN) if place == "sampling" else faults - campaign.injected(KIND, "sampling")
        while (more := enough - campaign.injected(KIND, place)) > 0 and campaign.in_time():
            run, rng = campaign.run(KIND, place)
            job = campaign.job(work, run, {})
            finished_copy(campaign, work, job.store)
            _spoil(run, rng, job, min(more, MOST_A_RUN))
            campaign.settle(run, job)
            check(run, work, Store.at(str(job.store)), campaign.reference(work))
            campaign.finished(run)


def _spoil(run: Run, rng: random.Random, job: Job, faults: int) -> None:
    """Damage objects; `verify` must name them, and a repair must run exactly their steps again."""
    store, every = job.store, objects(job)
    fitting = [one for one in every if one.path.relative_to(store).parts[1].split("-")[0] in KINDS_OF_STEPS[run.during]]
    victims = rng.sample(fitting, min(faults, len(fitting)))
    ways = [CLASSES[(number + rng.randrange(len(CLASSES))) % len(CLASSES)] for number in range(len(victims))]
    attempts = _attempts(job)
    for victim, way in zip(victims, ways, strict=True):
        damage(victim, way, every, rng)
    run.faults = len(victims)
    verified = w2s("verify", "--store", str(store), check=False)
    run.wrong += [
        f"{way} {victim.path} was not reported"
        for victim, way in zip(victims, ways, strict=True)
        if victim.path.name not in verified.stdout
    ]
    began = time.time()
    repaired = w2s("run", *job.work.command(str(store))[3:], "--repair", check=False, **ENVIRONMENT)
    run.seconds.append(round(time.time() - began, 2))
    if repaired.returncode:
        run.wrong.append(f"the repair ended with {repaired.returncode}: {repaired.stderr[-300:]}")
    again = {step for step, attempt in _attempts(job).items() if attempts[step] != attempt}
    if again != {victim.step for victim in victims}:
        run.wrong.append(f"ran again {sorted(again)}, damaged were {sorted({victim.step for victim in victims})}")
    if w2s("verify", "--store", str(store), check=False).returncode:
        run.wrong.append("the repaired store does not verify")


def _attempts(job: Job) -> dict[str, str]:
    """The name of the attempt that finished each step."""
    store = Store.at(str(job.store))
    return {
        name: manifest.attempt
        for name, manifest in store.manifests(job.work.steps(store)).items()
        if manifest is not None
    }
