"""Which steps start together: a table of small cases, and the order of all groups of every shipped experiment.

groups.txt was written with the scheduler of commit 2500a38, which decided by the steps' names in the report. That its
groups and these are equal was also seen on 2,196 random orders of the shipped experiments, half of them with random
missing steps.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ray_jobs.driver.grouping import only_scored, ready_groups
from w2s.experiments.catalog import load, names
from w2s.experiments.quickstart import quickstart
from w2s.graph.build import build_steps
from w2s.graph.step import Step
from w2s.recipe import Experiment

GROUPS = Path(__file__).with_name("groups.txt").read_text()


def experiment(name: str) -> Experiment:
    """A shipped experiment with revisions, so that its steps have fingerprints without a network."""
    shipped = load(name)
    models = {role: getattr(shipped, role).model_copy(update={"revision": role}) for role in ("weak", "strong")}
    return shipped.model_copy(update=models)


def in_order(steps: Sequence[Step]) -> list[str]:
    """The groups of a run that starts every ready group at once and finishes the groups in their order, a line each."""
    started, done = set[str](), set[str]()
    running: list[list[Step]] = []
    lines: list[str] = []
    while len(done) < len(steps):
        for group in ready_groups(steps, started, done, only_scored(steps)):
            running.append(group)
            started |= {step.name for step in group}
            lines.append(" ".join(step.name for step in group))
        finished = {step.name for step in running.pop(0)}
        done |= finished
    return lines


def test_the_groups_of_every_shipped_experiment() -> None:
    found = "".join(
        f"{name}:\n" + "".join(f"  {line}\n" for line in in_order(build_steps(experiment(name)))) for name in names()
    )
    assert found == GROUPS


def test_only_scored_steps_are_those_that_the_report_names() -> None:
    for name in names():
        steps = build_steps(experiment(name))
        assert only_scored(steps) == {step.name for step in steps if step.report_name}


STEPS = build_steps(quickstart().model_copy(update={"iterations": 2}))


@pytest.mark.parametrize(
    ("done", "started", "groups"),
    [
        ("", "", ["problems"]),
        # test_strong_base could start, but waits because all other steps of its base are still to come.
        ("problems", "", ["weak_sft", "ceiling"]),
        ("problems weak_sft ceiling", "", ["weak_completions test_weak_floor"]),
        ("problems weak_sft ceiling", "weak_completions test_weak_floor", []),
    ],
)
def test_ready_groups(done: str, started: str, groups: list[str]) -> None:
    ready = ready_groups(STEPS, {*done.split(), *started.split()}, done.split(), only_scored(STEPS))
    assert sorted(" ".join(sorted(step.name for step in group)) for group in ready) == sorted(
        " ".join(sorted(group.split())) for group in groups
    )


def test_equal_steps_do_not_wait_for_each_other() -> None:
    """Without weak_sft and with one model in both roles, test_weak_floor and test_strong_base are one directory."""
    same = quickstart().model_copy(update={"weak": quickstart().strong, "weak_sft": None})
    steps = build_steps(same)
    missing = [step for step in steps if step.name in ("test_weak_floor", "test_strong_base")]
    assert len({step.directory for step in missing}) == 1
    (group,) = ready_groups(missing, set(), set(), only_scored(steps))
    assert len(group) == 1
