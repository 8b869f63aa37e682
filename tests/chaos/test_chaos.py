"""A small campaign with fixed seeds; `make chaos` runs the whole one.

Killed drivers are in tests/ray/driver/test_kill.py, poisoned problems in tests/ray/driver/test_faults.py.
"""

from dataclasses import replace

import pytest

from tests.chaos import figures
from tests.chaos.campaign import Campaign
from tests.chaos.faults import damage, drivers, kills, s3
from tests.chaos.figures import Run
from tests.chaos.jobs.cluster import LocalCluster
from tests.chaos.jobs.job import SAMPLING, TRAINING, Work
from tests.chaos.jobs.template import PROBLEMS, finished_copy

pytestmark = [pytest.mark.ray, pytest.mark.chaos]
SEED = 3
BOTH = Work(
    "both",
    ("problems.test=320", "problems.train_1=8", "problems.train_2=320", "sft.epochs=4"),
    (*SAMPLING.only, *TRAINING.only),
)
"""Less work than the campaign's, for fewer faults: each comes within `kills.MOST_SECONDS` of work."""
SHARE = (
    (replace(SAMPLING, sets=BOTH.sets), ("engine", "sampling actor", "node")),
    (replace(TRAINING, sets=BOTH.sets), ("training worker", "node")),
)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    return Campaign(SEED, tmp_path_factory.mktemp("chaos"), float("inf"))


@pytest.fixture(scope="module")  # its tests come last, because the others look for every process that is left alive
def cluster(campaign: Campaign) -> object:
    cluster = LocalCluster(kills.NODES, campaign.marker)
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def undisturbed(campaign: Campaign) -> None:
    """The reference runs of both works, from one run."""
    for (work, _), others in zip(SHARE, ("finetune", "sample"), strict=True):
        finished_copy(campaign, BOTH, campaign.folder / "undisturbed" / work.name, without=(others,))


def runs_of(campaign: Campaign, kind: str) -> list[Run]:
    return [run for run in figures.load(campaign.results) if run.kind == kind]


@pytest.mark.s3
@pytest.mark.parametrize("kind", s3.RATES)
def test_faults_of_the_bucket_change_nothing(kind: str, campaign: Campaign) -> None:
    for _ in range(3):
        s3.run_behind_proxy(campaign, kind, PROBLEMS, "curation")
    runs = runs_of(campaign, kind)
    assert all(run.clean for run in runs), [run.line() for run in runs]
    assert sum(run.faults for run in runs) >= 5


def test_damage_is_named_and_repaired(campaign: Campaign) -> None:
    damage.spoil(campaign, PROBLEMS, 5, ["curation"])
    (run,) = runs_of(campaign, damage.KIND)
    assert run.clean and run.faults == 5, run.line()


def test_of_two_drivers_the_second_changes_nothing(campaign: Campaign) -> None:
    drivers.race(campaign, PROBLEMS, 3)
    runs = runs_of(campaign, "two drivers")
    assert len(runs) == 3 and all(run.clean for run in runs), [run.line() for run in runs]


def test_the_table_adds_up() -> None:
    runs = [
        Run("engine", "sampling", "0", faults=3, rows=10, seconds=[1.0, 9.0, 2.0]),
        Run("engine", "sampling", "1", faults=2, rows_lost=1),
    ]
    assert "| engine | sampling | 5 | 2 | 0 | 10 | 1 | 0 | 0 |" in figures.table(runs)
    assert "2.0 s, 9.0 s" in figures.table(runs)
    assert not runs[1].clean


@pytest.mark.parametrize(("work", "kinds"), SHARE, ids=lambda value: getattr(value, "name", ""))
def test_a_job_that_loses_its_processes_loses_no_row(
    work: Work, kinds: tuple[str, ...], campaign: Campaign, undisturbed: None, cluster: LocalCluster
) -> None:
    run, rng = campaign.run("a share of each", work.name)
    job = campaign.job(work, run, cluster.environment)
    kills.disturb(campaign, run, rng, job, cluster, kinds)
    campaign.settle(run, job, cluster)
    campaign.finished(run)
    assert run.clean, run.line()
    assert run.faults == len(kinds), f"the job was finished after {run.faults} of {len(kinds)} faults"
