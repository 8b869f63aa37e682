"""A share of the campaign with fixed seeds: each kind of fault against real jobs. `make chaos` runs the whole."""

import pytest

from tests.chaos import figures, kills
from tests.chaos.campaign import Campaign
from tests.chaos.cluster import LocalCluster
from tests.chaos.figures import Run
from tests.chaos.job import SAMPLING, TRAINING, Work

pytestmark = [pytest.mark.ray, pytest.mark.chaos]
SEED = 3


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    return Campaign(SEED, tmp_path_factory.mktemp("chaos"), float("inf"))


@pytest.fixture(scope="module")
def cluster(campaign: Campaign) -> object:
    cluster = LocalCluster(kills.NODES, campaign.marker)
    yield cluster
    cluster.close()


@pytest.mark.parametrize(
    ("work", "kinds"),
    [(SAMPLING, ("engine", "sampling actor", "driver", "node")), (TRAINING, ("training worker", "driver", "node"))],
    ids=lambda one: getattr(one, "name", ""),
)
def test_a_job_that_loses_its_processes_loses_no_row(work: Work, kinds: tuple[str, ...], campaign: Campaign, cluster: LocalCluster) -> None:
    run, rng = campaign.run("a share of each", work.name)
    job = campaign.job(work, run, cluster.environment)
    kills.disturb(campaign, run, rng, job, cluster, kinds)
    campaign.settle(run, job, cluster)
    campaign.finished(run)
    assert run.clean, run.line()
    assert run.faults == len(kinds), f"the job was finished after {run.faults} of {len(kinds)} faults"


def test_the_table_adds_up() -> None:
    runs = [Run("engine", "sampling", "0", faults=3, rows=10, seconds=[1.0, 9.0, 2.0]), Run("engine", "sampling", "1", faults=2, rows_lost=1)]
    assert "| engine | sampling | 5 | 2 | 0 | 10 | 1 | 0 | 0 |" in figures.table(runs)
    assert "2.0 s, 9.0 s" in figures.table(runs)
    assert not runs[1].clean
