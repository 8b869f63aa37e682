"""What `w2s preflight --smoke` says of the small run in a store, in a process that joins its cluster.

python -m tests.ray.driver.judged STORE
"""

import sys

from ray_jobs.cluster.checks import table
from ray_jobs.driver.preflight.smoke import judge
from ray_jobs.resources.presets import load_resources
from tests.conftest import SMALL
from w2s.experiments.overrides import set_fields
from w2s.experiments.quickstart import quickstart
from w2s.store.revisions import identified_steps, identify
from w2s.store.store import Store

if __name__ == "__main__":
    store = Store.at(sys.argv[1])
    steps = identified_steps(identify(set_fields(quickstart(), SMALL), store, network=False), store)
    print("\n".join(table(list(judge(steps, store, load_resources("local"))))))
