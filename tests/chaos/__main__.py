"""The campaign: injects ten kinds of faults into real jobs and prints a table of the results.

    python -m tests.chaos --seed 1 --faults 200 [--kinds driver engine ...] [--minutes 10] [--folder FOLDER]

With the same folder and seed, a campaign continues where an earlier call stopped.
"""

import argparse
import math
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tests.chaos import figures
from tests.chaos.campaign import Campaign
from tests.chaos.faults import damage, drivers, kills, poison, s3
from tests.chaos.jobs.cluster import LocalCluster
from tests.chaos.jobs.template import WHOLE

SHARES = {
    "driver": 0.10,
    "engine": 0.05,
    "sampling actor": 0.05,
    "training worker": 0.05,
    "node": 0.10,
    "S3 errors": 0.20,
    "lost S3 answers": 0.20,
    "damaged objects": 0.15,
    "two drivers": 0.05,
    "poison row": 0.05,
}
"""Share of each kind in all faults. A kill is slow, because an engine must start again; one job meets dozens of S3
errors."""


DURING = ("sampling", "training", "curation")


def main() -> int:
    """Run the campaign. Returns 0 if every run was clean, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description="Faults against real jobs; see tests/chaos/README.md."
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=200, help="total number, divided among the kinds")
    parser.add_argument("--kinds", nargs="+", default=list(figures.KINDS), choices=figures.KINDS, metavar="KIND")
    parser.add_argument("--during", nargs="+", default=DURING, choices=DURING, help="the work to disturb")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="inject no fault after this time")
    parser.add_argument("--folder", type=Path, help="for results, stores and logs; default: a new temporary folder")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="w2s-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    campaign = Campaign(options.seed, folder.absolute(), options.minutes * 60)
    campaign.log(f"seed {options.seed}, {options.faults} faults, results in {campaign.results}")
    faults = {kind: max(1, round(SHARES[kind] * options.faults)) for kind in options.kinds}
    if killed := [kind for kind in faults if kind in kills.PLACES]:
        with closing(LocalCluster(kills.NODES, campaign.marker)) as cluster:
            for kind in killed:
                kill(campaign, kind, faults[kind], options.during, cluster)
    for kind in [kind for kind in faults if kind not in killed]:
        # After the cluster has ended, because these runs look for every process that is left alive.
        disturb(campaign, kind, faults[kind], options.during)
    runs = figures.load(campaign.results)
    print(figures.table(runs), flush=True)
    return 0 if runs and all(run.clean for run in runs) else 1


def kill(campaign: Campaign, kind: str, faults: int, during: Sequence[str], cluster: LocalCluster) -> None:
    """Inject all faults of one kind of kill, in each kind of work that has such a process."""
    works = kills.PLACES[kind]
    for work in works:
        if work.name in during:
            kills.kill(campaign, kind, work, math.ceil(faults / len(works)), cluster)


def disturb(campaign: Campaign, kind: str, faults: int, during: Sequence[str]) -> None:
    """Inject all faults of one other kind."""
    if kind in s3.RATES:
        s3.disturb(campaign, kind, faults, during)
    elif kind == damage.KIND:
        damage.spoil(campaign, WHOLE, faults, during)
    elif kind == "two drivers":
        drivers.race(campaign, WHOLE, faults)
    elif kind == "poison row":
        poison.poison(campaign, faults)


if __name__ == "__main__":
    sys.exit(main())
