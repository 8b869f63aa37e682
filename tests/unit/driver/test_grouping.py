"""Which steps start together: small cases, the groups of every shipped experiment, and how often each loads a base."""

import random
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from ray_jobs.driver.grouping import chains, only_scored, ready_groups, trained_with
from ray_jobs.sampling.pool.size import base_of
from w2s.experiments.catalog import load, names
from w2s.experiments.overrides import set_fields
from w2s.experiments.quickstart import quickstart
from w2s.graph.build import build_steps
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step
from w2s.recipe import Experiment

GROUPS = Path(__file__).with_name("groups.txt").read_text()


def experiment(name: str) -> Experiment:
    """A shipped experiment with revisions, so that its steps have fingerprints without a network."""
    shipped = load(name)
    models = {role: getattr(shipped, role).model_copy(update={"revision": role}) for role in ("weak", "strong")}
    return shipped.model_copy(update=models)


def in_order(steps: Sequence[Step], loads_are_long: bool = True) -> list[str]:
    """The groups of a run that starts every ready group at once and finishes the groups in their order, a line each."""
    started, done = set[str](), set[str]()
    running: list[list[Step]] = []
    lines: list[str] = []
    while len(done) < len(steps):
        for group in ready_groups(steps, started, done, only_scored(steps), loads_are_long):
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


def test_only_scored_steps_are_those_that_the_report_names_and_their_trainings() -> None:
    for name in names():
        steps = build_steps(experiment(name))
        scored = only_scored(steps)
        trainings = {step.name for step in steps if isinstance(step.recipe, FineTune | Prefer)}
        assert scored - trainings == {step.name for step in steps if step.report_name}
        rounds = load(name).iterations
        awaited = {"weak_sft", f"hybrid_ft_{rounds}"} | {
            f"{half}_ft_{round}" for half in ("weak", "icl") for round in range(1, rounds)
        }
        assert trainings - scored == trainings & awaited


def any_order(
    steps: Sequence[Step], scored: Collection[str], order: random.Random, loads_are_long: bool = True
) -> list[list[Step]]:
    """The groups of a run in which trainings and other steps end one by one in a random order, groups of engines at
    once."""
    started, done = set[str](), set[str]()
    running: list[list[Step]] = []
    groups: list[list[Step]] = []
    while len(done) < len(steps):
        for group in ready_groups(steps, started, done, scored, loads_are_long):
            groups.append(group)
            running.append(list(group))
            started |= {step.name for step in group}
        assert running, "steps wait for each other"
        group = order.choice(running)
        ended = group[:] if isinstance(group[0].recipe, Sample) else group[:1]
        done |= {step.name for step in ended}
        del group[: len(ended)]
        running = [group for group in running if group]
    return groups


def loads(groups: list[list[Step]]) -> dict[str, int]:
    """How often a run loads each base for training: one load a group."""
    trainings = [group[0].recipe for group in groups if isinstance(group[0].recipe, FineTune | Prefer)]
    return dict(Counter(recipe.model.revision or "" for recipe in trainings if isinstance(recipe, FineTune | Prefer)))


def longest_chains(steps: Sequence[Step]) -> dict[str, int]:
    """The least loads of each base: its trainings on the longest path, where each must end before the next starts."""
    longest: dict[str, Counter[str]] = {}
    for step in steps:
        above = [longest[table.step.name] for _, table in step.inputs]
        chain = Counter({base: max(other[base] for other in above) for other in above for base in other})
        if isinstance(step.recipe, FineTune | Prefer):
            chain[step.recipe.model.revision or ""] += 1
        longest[step.name] = chain
    return {base: max(chain[base] for chain in longest.values()) for chain in longest.values() for base in chain}


LOADS = {
    "quickstart": {"weak": 1, "strong": 2},
    "hard": {"weak": 1, "strong": 2},
    "programs": {"weak": 1, "strong": 2},
    "gsm8k-small": {"weak": 1, "strong": 2},
    "gsm8k-llama2-7b": {"weak": 1, "strong": 3},
    "gsm8k-gemma-2b": {"weak": 1, "strong": 3},
    "gsm8k-mistral-7b": {"weak": 1, "strong": 3},
    "math-llama2-7b": {"weak": 1, "strong": 2},
    "math-gemma-2b": {"weak": 1, "strong": 2},
    "math-mistral-7b": {"weak": 1, "strong": 2},
    "olympicarena-llama3-8b": {"strong": 2},
}
"""Loads of each base for the trainings of a whole run: a round of stage I a load, and stage II one."""


@pytest.mark.slow
def test_a_run_loads_each_base_for_training_as_seldom_as_possible_in_any_order() -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    assert LOADS.keys() == set(names())
    for name, expected in LOADS.items():
        steps = build_steps(experiment(name))
        assert longest_chains(steps) == expected
        for number in range(20):
            assert loads(any_order(steps, only_scored(steps), random.Random(seed + number))) == expected, name


@pytest.mark.slow
def test_missing_steps_alone_never_wait_for_each_other() -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    steps = build_steps(experiment("gsm8k-llama2-7b"))
    for number in range(100):
        order = random.Random(seed + number)
        missing = [step for step in steps if order.random() < 0.6]
        groups = any_order(missing, only_scored(steps), order)
        assert sorted(step.name for group in groups for step in group) == sorted(step.name for step in missing)


def test_where_loads_are_short_scores_wait_for_no_later_stage() -> None:
    """Stage I's students are tested while stage II trains, and the base alone beside the weak model's training, but not
    where it would take the only place that anything needs."""
    steps = build_steps(quickstart().model_copy(update={"iterations": 1}))
    names = {step.name for step in steps}
    tests = {"test_full_weak_ft", "test_weak_ft_1", "test_icl_ft_1", "test_ceiling"}
    later = {"pairs", "audit", "dpo", "orpo", "test_dpo", "test_orpo", "scores", "report"}
    running = {"sampled", "test_hybrid_ft_1"}
    done = names - tests - later - running
    for long, expected in (True, set[str]()), (False, tests):
        groups = ready_groups(steps, done | running, done, only_scored(steps), loads_are_long=long)
        assert {step.name for group in groups for step in group} == expected
    begun = {"problems"}
    groups = ready_groups(steps, begun, begun, only_scored(steps), loads_are_long=False)
    assert [[step.name for step in group] for group in groups] == [["weak_sft"], ["test_strong_base"]]
    begun = {"problems", "weak_sft", "weak_completions", "test_weak_floor"}
    groups = ready_groups(steps, begun, begun, only_scored(steps), loads_are_long=False)
    assert [[step.name for step in group] for group in groups] == [["demonstrations"]]
    training = done - {"icl_ft_1"}  # its test is awaited while it is trained
    assert not ready_groups(steps, done | running, training, only_scored(steps), loads_are_long=False)


@pytest.mark.slow
def test_short_loads_end_every_run_and_train_in_as_few_groups() -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    for name, expected in LOADS.items():
        steps = build_steps(experiment(name))
        for number in range(10):
            groups = any_order(steps, only_scored(steps), random.Random(seed + number), loads_are_long=False)
            assert sorted(step.name for group in groups for step in group) == sorted(step.name for step in steps)
            assert loads(groups) == expected, name


def test_whole_models_share_no_engine_and_trainings_of_one_share_workers() -> None:
    steps = build_steps(set_fields(quickstart(), ["sft.lora=none", "iterations=1"]))
    named = {step.name: step for step in steps}
    done = {step.name for step in steps} - {"test_ceiling", "test_icl_ft_1", "test_hybrid_ft_1", "sampled"}
    groups = ready_groups(steps, done, done, only_scored(steps))
    assert sorted(" ".join(step.name for step in group) for group in groups) == [
        "sampled test_hybrid_ft_1",
        "test_ceiling",
        "test_icl_ft_1",
    ]
    done = {step.name for step in steps} - {"dpo", "orpo", "full_icl_ft"}
    groups = ready_groups(steps, done, done, only_scored(steps))
    assert [[step.name for step in group] for group in groups] == [["dpo", "orpo"], ["full_icl_ft"]]
    assert base_of(named["sampled"]) != base_of(named["icl_completions"]) == base_of(named["test_strong_base"])


STEPS = build_steps(quickstart().model_copy(update={"iterations": 2}))


@pytest.mark.parametrize(
    ("done", "started", "groups"),
    [
        ("", "", ["problems"]),
        # test_strong_base could start, but waits because all other steps of its base are still to come.
        # ceiling waits too, because other trainings of its base are to come and only scores need it.
        ("problems", "", ["weak_sft"]),
        ("problems weak_sft", "", ["weak_completions test_weak_floor"]),
        ("problems weak_sft", "weak_completions test_weak_floor", []),
        # The students of round 1 start with all that has waited; what round 2 needs comes first.
        (
            "problems weak_sft weak_completions test_weak_floor demonstrations icl_completions test_strong_base "
            "test_weak_icl consistent_1",
            "",
            ["weak_ft_1 icl_ft_1 full_weak_ft full_icl_ft ceiling hybrid_ft_1"],
        ),
    ],
)
def test_ready_groups(done: str, started: str, groups: list[str]) -> None:
    ready = ready_groups(STEPS, {*done.split(), *started.split()}, done.split(), only_scored(STEPS))
    assert [" ".join(step.name for step in group) for group in ready] == groups


def test_equal_steps_do_not_wait_for_each_other() -> None:
    """Without weak_sft and with one model in both roles, test_weak_floor and test_strong_base are one directory."""
    same = quickstart().model_copy(update={"weak": quickstart().strong, "weak_sft": None})
    steps = build_steps(same)
    missing = [step for step in steps if step.name in ("test_weak_floor", "test_strong_base")]
    assert len({step.directory for step in missing}) == 1
    (group,) = ready_groups(missing, set(), set(), only_scored(steps))
    assert len(group) == 1


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        ("report", {"report": 0}),
        ("dpo test_dpo scores report", {"dpo": 3, "test_dpo": 2, "scores": 1, "report": 0}),
        ("ceiling dpo", {"ceiling": 0, "dpo": 0}),  # what is done already waits for nothing
        (
            # After a baseline come its test, scores and report; after a student of round 1 comes the second round too.
            "weak_ft_1 ceiling hybrid_ft_1 weak_ft_1_completions consistent_2 hybrid_ft_2 sampled pairs dpo "
            "test_ceiling test_hybrid_ft_1 test_dpo scores report",
            {"weak_ft_1": 9, "weak_ft_1_completions": 8, "consistent_2": 7, "hybrid_ft_2": 6, "sampled": 5, "pairs": 4}
            | {"dpo": 3, "ceiling": 3, "hybrid_ft_1": 3}
            | {"test_dpo": 2, "test_ceiling": 2, "test_hybrid_ft_1": 2, "scores": 1, "report": 0},
        ),
    ],
)
def test_chains_count_the_missing_steps_that_wait_one_after_another(left: str, expected: dict[str, int]) -> None:
    assert chains([step for step in STEPS if step.name in left.split()]) == expected


@pytest.mark.parametrize(
    ("group", "running", "expected"),
    [
        ("dpo orpo", ["ceiling icl_ft_1"], "ceiling icl_ft_1"),
        ("dpo orpo", ["sampled", "weak_sft", "icl_ft_1"], "icl_ft_1"),
        ("dpo orpo", ["sampled", "weak_sft"], ""),  # engines and another base
        ("sampled", ["icl_ft_1", "test_ceiling"], ""),  # what samples joins engines
        ("pairs", ["pairs"], ""),
    ],
)
def test_trainings_can_join_the_running_ones_of_their_base(group: str, running: list[str], expected: str) -> None:
    named = {step.name: step for step in STEPS}
    groups = [[named[name] for name in names.split()] for names in running]
    host = trained_with([named[name] for name in group.split()], groups)
    assert " ".join(step.name for step in host or ()) == expected
