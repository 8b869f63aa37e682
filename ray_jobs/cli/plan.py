"""`w2s plan` and `w2s list`: what a run would do, and which experiments are shipped. They start nothing and write
nothing."""

import argparse
from typing import Any

from ray_jobs.cli.options import add_experiment, experiment
from w2s.store.objects.probes import check_readable


def add_commands(commands: Any) -> None:
    """Add the commands to the subparsers."""
    plan = commands.add_parser("plan", help="show the directory and state of each step, and the reason; starts nothing")
    plan.set_defaults(command=_plan)
    add_experiment(plan)
    listing = commands.add_parser("list", help="list the shipped experiments")
    listing.set_defaults(command=_list)


def _plan(options: argparse.Namespace) -> int:
    from w2s.graph.build import build_steps
    from w2s.store.plan import plan
    from w2s.store.revisions import identify
    from w2s.store.store import Store

    store = Store.at(options.store)
    check_readable(store.objects)
    identified = identify(experiment(options), store, network=False)
    planned = plan(build_steps(identified), store, options.only)
    for line in planned:
        print(f"{line.state:<6} {line.step.name:<24} {line.directory or '(open)':<34} {line.why}")
    states = [line.state for line in planned]
    absent = f", {states.count('absent')} absent and not needed" if "absent" in states else ""
    print(f"{states.count('done')} done, {states.count('resume')} to resume, {states.count('run')} to run{absent}")
    return 0


def _list(options: argparse.Namespace) -> int:
    from w2s.experiments.catalog import load, names

    for name in names():
        print(f"{name:<24} {load(name).description}")
    return 0
