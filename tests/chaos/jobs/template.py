"""A small quickstart up to its pairs and audit, finished without faults once for each campaign.

Runs with damage, S3 faults or two drivers start from a copy of it, to save the engine starts.
"""

import shutil
from pathlib import Path

from tests.chaos.campaign import Campaign
from tests.chaos.jobs.job import Work
from tests.conftest import SMALL

WHOLE = Work("whole", tuple(field for field in SMALL if not field.startswith("iterations")), ("audit",))
"""Two trainings, three sampling steps and all steps between them."""
CURATION = ("worldproblems", "demonstrate", "agree", "pair", "audit")
"""Kinds of steps that need no Ray: each takes seconds and writes deterministic bytes."""
PROBLEMS = Work("problems", ("problems.train_1=48", "problems.train_2=48", "problems.test=24"), ("problems",))
"""The first step alone, for tests that must be fast."""


def finished_copy(campaign: Campaign, work: Work, folder: Path, without: tuple[str, ...] = ()) -> Path:
    """Copy the reference store to `folder`, without the steps of some kinds. A store contains no paths, so the copy is
    valid."""
    whole = Path(campaign.reference(work).objects.url)
    shutil.copytree(
        whole,
        folder,
        dirs_exist_ok=True,
        ignore=lambda _, names: [name for name in names if name.split("-")[0] in without],
    )
    return folder
