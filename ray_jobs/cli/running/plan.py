"""`w2s plan` and `w2s list`: what a run would do and cost, and which experiments are shipped. They start nothing."""

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ray_jobs.cli.options import add_experiment, experiment
from w2s.store.objects.probes import check_readable

if TYPE_CHECKING:
    from ray_jobs.resources.resources import Resources
    from w2s.graph.step import Step
    from w2s.store.plan import Planned
    from w2s.store.store import Store


def add_commands(commands: Any) -> None:
    """Add the commands to the subparsers."""
    plan = commands.add_parser("plan", help="show the directory and state of each step, and the reason; starts nothing")
    plan.set_defaults(command=_plan)
    add_experiment(plan)
    plan.add_argument(
        "--resources",
        metavar="PRESET",
        help="also show memory, tokens, GPU-hours, money and time of the steps to run on these resources",
    )
    plan.add_argument(
        "--rates",
        action="extend",
        nargs="+",
        default=[],
        metavar="FIELD=VALUE",
        help="with --resources, change a rate or a price, for example dollars=2.5 answer_tokens=300",
    )
    listing = commands.add_parser("list", help="list the shipped experiments")
    listing.set_defaults(command=_list)


def _plan(options: argparse.Namespace) -> int:
    from ray_jobs.resources.presets import load_resources
    from w2s.store.plan import plan
    from w2s.store.revisions import identified_steps, identify
    from w2s.store.store import Store

    if options.rates and options.resources is None:
        raise ValueError(f"--rates {options.rates[0]}: rates are those of --resources PRESET: give it too")
    resources = load_resources(options.resources) if options.resources is not None else None
    store = Store.at(options.store)
    check_readable(store.objects)
    identified = identify(experiment(options), store, network=False)
    steps = identified_steps(identified, store, read=True)
    planned = plan(steps, store, options.only)
    cost = _cost(steps, planned, resources, options.rates, store) if resources else iter(())
    for line in planned:
        print(f"{line.state:<6} {line.step.name:<24} {line.directory or '(open)':<34} {line.why}")
    states = [line.state for line in planned]
    absent = f", {states.count('absent')} absent and not needed" if "absent" in states else ""
    print(f"{states.count('done')} done, {states.count('resume')} to resume, {states.count('run')} to run{absent}")
    for line in cost:
        print(line)
    return 0


def _cost(
    steps: "Sequence[Step]",
    planned: "Sequence[Planned]",
    resources: "Resources",
    rates: "Sequence[str]",
    store: "Store",
) -> "Iterator[str]":
    """Lines about what the missing steps cost. Models' configurations are fetched, their weights are not.

    Raises ValueError for a wrong rate at once, before a line is asked for.
    """
    from ray_jobs.cost.measured import measured
    from ray_jobs.cost.rates import load_rates
    from ray_jobs.driver.costs.estimate import estimate
    from w2s.store.plan import to_run

    known = measured(store, steps)
    return estimate(steps, to_run(planned), resources, load_rates(resources, rates, known.lengths), known)


def _list(options: argparse.Namespace) -> int:
    from w2s.experiments.catalog import load, names

    for name in names():
        print(f"{name:<24} {load(name).description}")
    return 0
