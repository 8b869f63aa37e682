"""Which groups join live engines, when idle engines are released, and how often a run starts engines of a base."""

import random
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import pytest

from ray_jobs.driver.admission import Request, loads_are_long, request_of
from ray_jobs.driver.grouping import only_scored, ready_groups
from ray_jobs.driver.live_engines import LiveEngines
from ray_jobs.resources.presets import load_resources
from ray_jobs.resources.requests import NODE_LABEL
from ray_jobs.resources.resources import Resources
from ray_jobs.runtime.local_ray import NODE_GROUP, Node
from ray_jobs.sampling.pool.size import base_of
from tests.unit.driver.test_grouping import experiment
from w2s.experiments.catalog import names
from w2s.experiments.quickstart import quickstart
from w2s.graph.build import build_steps
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step

STEPS = {step.name: step for step in build_steps(quickstart())}
WEAK, STRONG = base_of(STEPS["weak_completions"]), base_of(STEPS["sampled"])
ENGINE, TRAINING = Request(1, 1, 0), Request(1, 1, 0)


CLUSTER = [Node(96, 8, {NODE_LABEL: "sampling"}), Node(192, 8, {NODE_LABEL: "training"}), Node(8, 0)]
GROWS = [Node(8, 0, {NODE_GROUP: "head"}), Node(96, 8, {NODE_GROUP: "sampling"})]


@pytest.mark.parametrize(
    ("state", "running", "started", "expected"),
    [
        ("a training will bring work", ["hybrid_ft_1"], "", []),
        ("a table will bring work", ["demonstrations"], "", []),
        ("it has work already", ["consistent_1"], "test_weak_icl", []),
        (
            "a training that has not started must come first",
            ["consistent_1"],
            "test_weak_icl test_strong_base",
            [STRONG],
        ),
        ("nothing of it is left", ["scores"], "", [STRONG]),
        ("in use", ["sampled"], "", []),
    ],
)
def test_where_a_cluster_can_grow_engines_wait_for_work_only_while_it_comes(
    state: str, running: list[str], started: str, expected: list[str]
) -> None:
    """`started` are steps that have started besides the running ones and all above these."""
    begun = {*running, *started.split()} | {name for step in running for name in above(STEPS[step])}
    waiting = [step for step in STEPS.values() if step.name not in begun]
    live = LiveEngines({STRONG: Request(1, 16, 4, most=4)})
    assert live.useless([[STEPS[name]] for name in running], waiting, [], GROWS) == expected, state
    assert (
        state == "nothing of it is left"
        or live.useless([[STEPS[name]] for name in running], waiting, [], CLUSTER) == []
    )


def above(step: Step) -> set[str]:
    """Names of all steps that a step depends on."""
    return {name for _, table in step.inputs for name in {table.step.name, *above(table.step)}}


@pytest.mark.parametrize(
    ("state", "alive", "running", "waiting", "cpus", "expected"),
    [
        ("a later stage samples", [STRONG], ["dpo"], ["test_dpo"], 2, []),
        ("nothing is left to sample", [STRONG], ["scores"], ["report"], 2, [STRONG]),
        ("other bases are left to sample", [WEAK, STRONG], ["dpo"], ["test_dpo"], 3, [WEAK]),
        ("without those a CPU is left for tables", [WEAK, STRONG], ["dpo"], ["test_dpo"], 2, [WEAK]),
        ("in use", [WEAK, STRONG], ["weak_completions"], ["test_dpo"], 3, []),
        ("no CPU is left for tables", [STRONG], ["pairs"], ["test_dpo"], 1, [STRONG]),
        ("a CPU for tables will be free", [WEAK, STRONG], ["weak_completions"], ["test_dpo"], 2, []),
        ("a training ends, an engine may wait beside it", [STRONG], ["dpo"], ["test_dpo"], 2, []),
    ],
)
def test_idle_engines_are_released_where_nothing_can_use_them(
    state: str, alive: list[str], running: list[str], waiting: list[str], cpus: int, expected: list[str]
) -> None:
    live = LiveEngines(dict.fromkeys(alive, ENGINE))
    groups = [[STEPS[name]] for name in running]
    assert live.useless(groups, [STEPS[name] for name in waiting], [], [Node(cpus, 0)]) == expected, state


DONE = "problems weak_sft weak_completions test_weak_floor demonstrations icl_completions test_weak_icl consistent_1"
NODE8 = Node(96, 8)


@pytest.mark.parametrize(
    ("state", "preset", "alive", "running", "nodes", "expected"),
    [
        ("there is room", "local", [STRONG], [], [Node(2, 0)], []),
        ("the idle engine has the place", "local", [STRONG], [], [Node(1, 0)], [STRONG]),
        ("its base has work", "one-gpu", [STRONG], ["test_strong_base"], [Node(16, 1)], None),
        ("engine and trainer take turns", "one-gpu", [STRONG], [], [Node(16, 1)], [STRONG]),
        ("a training runs, which will bring work", "local", [STRONG], ["ceiling"], [Node(2, 0)], None),
        ("idle engines of two bases", "local", [WEAK, STRONG], [], [Node(2, 0)], [STRONG]),
        ("eight engines fill the node", "node-8gpu", [STRONG], [], [NODE8], [STRONG]),
        ("eight engines may be on both nodes", "node-8gpu", [STRONG], [], [NODE8, NODE8], [STRONG]),
        ("they and a training are on one node", "node-8gpu", [STRONG], [], [Node(192, 16)], []),
        ("they have nodes of their own", "cluster-70b", [STRONG], [], CLUSTER, []),
    ],
)
def test_idle_engines_give_way_to_trainings(
    state: str, preset: str, alive: list[str], running: list[str], nodes: list[Node], expected: list[str] | None
) -> None:
    """M_plus's training is ready; the base alone may still be asked."""
    resources, group = load_resources(preset), [STEPS["hybrid_ft_1"]]
    started = {*DONE.split(), "test_strong_base", *running}
    waiting = [step for step in STEPS.values() if step.name not in started and step not in group]
    live = LiveEngines({base: request_of(resources, "sample") for base in alive})
    training, groups = request_of(resources, "finetune"), [[STEPS[name]] for name in running]
    others = [training for name in running if not base_of(STEPS[name])]
    assert live.make_room(group, training, others, groups, [*group, *waiting], nodes) == expected, state


@pytest.mark.parametrize(
    ("preset", "nodes", "released"),
    [
        ("node-8gpu", [NODE8, NODE8], True),
        ("node-8gpu", [Node(192, 16)], False),
        ("node-8gpu", [NODE8], True),
        ("cluster-70b", CLUSTER, False),
        ("local", [Node(2, 0)], False),
    ],
)
def test_engines_that_become_idle_hold_nothing_that_a_running_training_may_wait_for(
    preset: str, nodes: list[Node], released: bool
) -> None:
    """Admission counts the fewest engines of a group, so a training may have started beside more of them."""
    resources = load_resources(preset)
    live = LiveEngines({STRONG: request_of(resources, "sample")})
    running, waiting = [[STEPS["hybrid_ft_1"]]], [STEPS["test_hybrid_ft_1"]]
    training = request_of(resources, "finetune")
    assert live.useless(running, waiting, [training], nodes) == ([STRONG] if released else [])


def test_a_group_joins_the_engines_of_its_base_and_no_others() -> None:
    live = LiveEngines()
    live.start([STEPS["dpo"]], TRAINING)
    live.start([STEPS["sampled"]], ENGINE)
    assert live.joins([STEPS["test_dpo"]]) and live.joins([STEPS["icl_completions"]])
    assert not live.joins([STEPS["weak_completions"]]) and not live.joins([STEPS["dpo"]])
    live.start([STEPS["test_dpo"]], Request(8, 1, 0))
    assert live.held() == [ENGINE], "who joins requests nothing"
    live.release([STRONG])
    assert not live.joins([STEPS["test_dpo"]])


def test_what_samples_from_a_live_base_waits_for_no_other_step_and_comes_first() -> None:
    done = {"problems", "weak_sft", "weak_completions", "test_weak_floor", "demonstrations"}
    started = done | {"icl_completions", "test_weak_icl"}
    scored, steps = only_scored(STEPS.values()), list(STEPS.values())
    assert ready_groups(steps, started, done, scored) == []
    assert ready_groups(steps, started, done, scored, alive=[STRONG]) == [[STEPS["test_strong_base"]]]
    done = done | {"icl_completions", "test_weak_icl"}
    groups = ready_groups(steps, done, done, scored, alive=[STRONG])
    assert [group[0].name for group in groups] == ["test_strong_base", "consistent_1"]


@pytest.mark.parametrize(
    ("state", "preset", "running", "nodes", "expected"),
    [
        ("engine and trainer fill the machine", "local", "ceiling", [Node(2, 0)], "joins"),
        ("a third core is free", "local", "ceiling", [Node(3, 0)], "starts workers"),
        ("no training runs", "local", "", [Node(2, 0)], "starts workers"),
        ("another base is trained", "one-gpu", "weak_sft", [Node(16, 1)], "waits"),
        ("the only GPU", "one-gpu", "ceiling", [Node(16, 1)], "joins"),
        ("the only node for trainings", "cluster-70b", "ceiling", CLUSTER, "joins"),
        ("another node for trainings", "cluster-70b", "ceiling", [*CLUSTER, CLUSTER[1]], "starts workers"),
        ("of two nodes one may be free sooner", "cluster-70b", "ceiling icl_ft_1", [*CLUSTER, CLUSTER[1]], "waits"),
        ("a node may be added", "node-8gpu", "ceiling icl_ft_1", GROWS, "waits"),
    ],
)
def test_trainings_that_have_no_place_join_the_workers_of_their_base(
    state: str, preset: str, running: str, nodes: list[Node], expected: str
) -> None:
    """DPO and ORPO are ready; the engines of their base are alive where they have room beside a training."""
    run = Made(list(STEPS.values()), load_resources(preset), nodes)
    trained, waiting = running.split(), {f"test_{name}" for name in running.split()}
    run.done = {*STEPS} - {"dpo", "orpo", "test_dpo", "test_orpo", "audit", "scores", "report", *trained, *waiting}
    run.started = run.done | {*trained, "audit"}
    run.running = [[STEPS[name]] for name in trained]
    live = LiveEngines()
    if preset != "one-gpu":
        live.requests[STRONG] = request_of(run.resources, "sample")
    starts = [(" ".join(step.name for step in start.group), start.joins, start.released) for start in live.starts(run)]
    assert starts == ([] if expected == "waits" else [("dpo orpo", expected == "joins", [])]), state
    assert live.held() == ([request_of(run.resources, "sample")] if preset != "one-gpu" else [])


def engine_starts(steps: Sequence[Step], preset: str, nodes: list[Node], order: random.Random) -> dict[str, int]:
    """How often a run starts engines of each base, with steps that end one by one in a random order."""
    run, starts = Made(steps, load_resources(preset), nodes), Counter[str]()
    live = LiveEngines()
    while len(run.done) < len(steps):
        live.drop_useless(run)
        for start in live.starts(run):
            starts[role(start.group[0])] += not start.joins
            run.running.append(list(start.group))
            run.started |= {step.name for step in start.group}
        assert run.running, "steps wait for each other"
        group = order.choice(run.running)
        run.done.add(group.pop(0).name)
        run.running = [group for group in run.running if group]
    return {base: starts[base] for base in ("weak", "strong") if starts[base]}


@dataclass
class Made:
    """A run whose steps end when the test says."""

    steps: Sequence[Step]
    resources: Resources
    on: list[Node]
    started: set[str] = field(default_factory=set[str])
    done: set[str] = field(default_factory=set[str])
    running: list[list[Step]] = field(default_factory=list[list[Step]])

    def ready(self, alive: Collection[str]) -> list[list[Step]]:
        scored, long = only_scored(self.steps), loads_are_long(self.resources)
        return ready_groups(self.steps, self.started, self.done, scored, long, alive)

    def groups(self) -> list[list[Step]]:
        return self.running

    def waiting(self) -> list[Step]:
        return [step for step in self.steps if step.name not in self.started]

    def request(self, group: Sequence[Step]) -> Request:
        return request_of(self.resources.of(group[0].role), group[0].kind)

    def nodes(self, group: Sequence[Step] = ()) -> list[Node]:
        return self.on


def role(step: Step) -> str:
    """The base that a step samples from, which its revision names; empty for any other step."""
    return step.recipe.model.revision or "" if isinstance(step.recipe, Sample) else ""


def least_in_turn(steps: Sequence[Step]) -> dict[str, int]:
    """The least engine starts of each base where engines and trainers take turns.

    On any path of the graph, what samples from a base after a training or another base needs another start.
    """
    most = Counter[str]()
    for base in ("weak", "strong"):
        paths: dict[str, dict[str, int]] = {}  # by step: starts on the paths to it, by what the last load was for
        for step in steps:
            above = [paths[table.step.name] for _, table in step.inputs] or [{"": 0}]
            found = {
                last: max(other[last] for other in above if last in other) for last in {k for o in above for k in o}
            }
            if isinstance(step.recipe, Sample | FineTune | Prefer):
                load = role(step) or "training"
                found = {load: max(starts + (load == base != last) for last, starts in found.items())}
            paths[step.name] = found
            most[base] = max(most[base], *found.values())
    return {base: starts for base, starts in most.items() if starts}


IN_TURN = {
    "quickstart": {"weak": 1, "strong": 3},
    "hard": {"weak": 1, "strong": 3},
    "programs": {"weak": 1, "strong": 3},
    "gsm8k-small": {"weak": 1, "strong": 3},
    "gsm8k-llama2-7b": {"weak": 1, "strong": 4},
    "gsm8k-gemma-2b": {"weak": 1, "strong": 4},
    "gsm8k-mistral-7b": {"weak": 1, "strong": 4},
    "math-llama2-7b": {"weak": 1, "strong": 3},
    "math-gemma-2b": {"weak": 1, "strong": 3},
    "math-mistral-7b": {"weak": 1, "strong": 3},
    "olympicarena-llama3-8b": {"weak": 1, "strong": 3},
}
"""Engine starts of a whole run where engines and trainers take turns: before and after each round of training."""


@pytest.mark.slow
def test_where_engines_live_beside_trainers_a_run_loads_each_base_once() -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    for name in names():
        steps = build_steps(experiment(name))
        for number in range(8):
            starts = engine_starts(steps, "local", [Node(64, 0)], random.Random(seed + number))
            assert starts == {"weak": 1, "strong": 1}, f"{name}, seed {seed + number}"


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "nodes"), [("one-gpu", [Node(16, 1)]), ("node-8gpu", [Node(96, 8)])])
def test_where_they_take_turns_a_run_loads_each_base_as_seldom_as_possible(preset: str, nodes: list[Node]) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    assert IN_TURN.keys() == set(names())
    for name, expected in IN_TURN.items():
        steps = build_steps(experiment(name))
        assert least_in_turn(steps) == expected, name
        for number in range(8):
            starts = engine_starts(steps, preset, nodes, random.Random(seed + number))
            assert starts == expected, f"{name}, seed {seed + number}"


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "nodes"), [("local", [Node(2, 0)]), ("cluster-70b", CLUSTER)])
def test_where_room_is_short_most_runs_load_each_base_once(preset: str, nodes: list[Node]) -> None:
    """Another start comes where idle engines of the strong base have the place that a training, or the weak base's
    engines, are ready for: on the cluster in 2 of 60 orders."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    for name in names():
        steps, orders = build_steps(experiment(name)), [random.Random(seed + number) for number in range(8)]
        starts = [engine_starts(steps, preset, nodes, order) for order in orders]
        assert all(count["weak"] == 1 and count["strong"] <= 2 for count in starts), starts
        assert {"weak": 1, "strong": 1} in starts
