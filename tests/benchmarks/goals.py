"""The goals of speed in one table: this code beside another way to do the same work, measured in one run.

    python -m tests.benchmarks.goals [CHECKOUT]

Trainings and sampling are compared with bare TRL and vLLM, and the quickstart with that of another checkout, if one is
given. The machine must be idle; each part prints its own lines first. Loads of a base are counted, not measured.
"""

import sys

from tests.benchmarks import examples, loads, sampling, timeline, training
from tests.benchmarks.goal import table

PROBLEMS = 600


def main(checkout: str = "") -> None:
    """Measure all sides and print the table."""
    goals = [*training.main([]), *examples.main(), *sampling.main(PROBLEMS), *loads.main()]
    if checkout:
        goals += timeline.compare(checkout)
    print(table(goals))


if __name__ == "__main__":
    main(*sys.argv[1:2])
