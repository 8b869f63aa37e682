"""A small quickstart up to its pairs and their audit, finished without faults once a campaign: what damage, S3 faults and driver races start from."""

import shutil
from pathlib import Path

from tests.chaos.campaign import Campaign
from tests.chaos.jobs.job import Work
from tests.conftest import SMALL

WHOLE = Work("whole", tuple(one for one in SMALL if not one.startswith("iterations")), ("audit",))
"""Two trainings, three sampling steps and every step between them."""
CURATION = ("worldproblems", "demonstrate", "agree", "pair", "audit")
"""Kinds of steps that need no Ray: seconds each, and their bytes are determined."""
PROBLEMS = Work("problems", ("problems.train_1=48", "problems.train_2=48", "problems.test=24"), ("problems",))
"""The first step alone, for what must not take long."""


def finished_copy(campaign: Campaign, work: Work, folder: Path, without: tuple[str, ...] = ()) -> Path:
    """A copy of the undisturbed store, which is valid wherever it lies, without the steps of some kinds."""
    whole = Path(campaign.reference(work).url)
    shutil.copytree(
        whole,
        folder,
        dirs_exist_ok=True,
        ignore=lambda _, names: [name for name in names if name.split("-")[0] in without],
    )
    return folder
