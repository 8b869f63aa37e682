"""The campaign: faults of ten kinds against real jobs, a table as it goes.

    python -m tests.chaos --seed 1 --faults 200 [--kinds driver engine ...] [--minutes 10] [--folder FOLDER]

With the same folder and seed a campaign goes on where an earlier call has stopped.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos import figures, kills
from tests.chaos.campaign import Campaign

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
"""Of all faults; kills are slow, an engine's start takes most of their time, and S3 errors come by the dozen."""


def main() -> int:
    """Run the campaign; 0 where every run was clean."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Faults against real jobs; see tests/chaos/README.md.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=200, help="in all, shared out over the kinds")
    parser.add_argument("--kinds", nargs="+", default=list(figures.KINDS), choices=figures.KINDS, metavar="KIND")
    parser.add_argument("--during", nargs="+", default=["sampling", "training"], choices=["sampling", "training"], help="for kills")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="inject no fault after these")
    parser.add_argument("--folder", type=Path, help="results, stores and logs; a new one if not given")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="w2s-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    campaign = Campaign(options.seed, folder.absolute(), options.minutes * 60)
    campaign.say(f"seed {options.seed}, {options.faults} faults, results in {campaign.results}")
    for kind in options.kinds:
        faults = max(1, round(SHARES[kind] * options.faults))
        if kind in kills.PLACES:
            works = kills.PLACES[kind]
            for work in works:
                if work.name in options.during:
                    kills.kill(campaign, kind, work, max(1, faults // len(works)))
    runs = figures.load(campaign.results)
    print(figures.table(runs), flush=True)
    return 0 if runs and all(run.clean for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
