"""How often a whole run of the paper's method loads the strong base: two iterations, DPO and ORPO, on cluster-70b.

    python -m tests.benchmarks.loads

Counted in the run on paper of `w2s plan --resources`, which takes the scheduler's own decisions. For trainings it is
compared with the longest chain of trainings that wait for each other, for engines with one start.
"""

from ray_jobs.cost.measured import Measured
from ray_jobs.cost.rates import load_rates
from ray_jobs.cost.work import all_work
from ray_jobs.driver.forecast import forecast
from ray_jobs.driver.grouping import only_scored
from ray_jobs.resources.presets import load_resources
from tests.benchmarks.goal import Goal, table
from tests.benchmarks.scale import STRONG, WEAK
from tests.unit.driver.test_grouping import experiment, longest_chains
from w2s.graph.build import build_steps
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.recipe import Model

NAME, PRESET = "gsm8k-llama2-7b", "cluster-70b"
ROWS = {"train_1": 7000, "train_2": 7000, "test": 1319}


def main() -> list[Goal]:
    """Count the loads."""
    shipped, resources = experiment(NAME), load_resources(PRESET)
    steps, rates = build_steps(shipped), load_rates(resources, [])
    strong = {step.name: step.recipe for step in steps if getattr(step.recipe, "model", None) == shipped.strong}
    assert isinstance(shipped.weak, Model)
    shapes = {shipped.strong.name: STRONG, shipped.weak.name: WEAK}
    works = all_work(steps, ROWS, rates)
    spells = forecast(steps, only_scored(steps), works, shapes, resources, rates, Measured()).spells
    loads = [strong.get(spell.steps[0]) for spell in spells if spell.starts]
    trainings = sum(isinstance(recipe, FineTune | Prefer) for recipe in loads)
    engines = sum(isinstance(recipe, Sample) for recipe in loads)
    what = f"loads of the strong base, {NAME} on {PRESET}"
    return [
        Goal(f"{what}: trainings", trainings, "longest chain", longest_chains(steps)["strong"], "at most", 1.0),
        Goal(f"{what}: engines", engines, "one start", 1, "at most", 1.0),
    ]


if __name__ == "__main__":
    print(table(main()))
