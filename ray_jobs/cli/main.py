"""The `w2s` command. Imports what a command needs when it runs, so that --help, list and plan answer at once."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ray_jobs.cli import store as cli_store
from ray_jobs.runtime.local_ray import leave
from w2s import __version__

if TYPE_CHECKING:
    from w2s.recipe import Experiment


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 a step failed, 2 the user must change something, 130 stopped by a person, 143
    by SIGTERM, as a machine that shuts down sends it."""
    options = parser().parse_args(arguments)
    try:
        return leave(options.command(options))
    except ValueError as error:
        print(f"w2s: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # of the store's server, or of a file of the user's
        print(
            f"w2s: {type(error).__name__}: {' '.join(str(error).split())}; what is finished stays: run the same command again",
            file=sys.stderr,
        )
        return 1
    except (KeyboardInterrupt, SystemExit) as stop:  # Ctrl-C, and SIGTERM, which Ray turns into SystemExit
        print("w2s: stopped; what is finished stays: run the same command again to go on", file=sys.stderr)
        return leave(130 if isinstance(stop, KeyboardInterrupt) else 143)


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(
        prog="w2s", description="Weak-to-strong reasoning: a strong model learns from a weaker one's answers."
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="do what is missing of an experiment, then print its table")
    run.set_defaults(command=_run)
    plan = commands.add_parser("plan", help="show each step's directory, state and why; starts nothing")
    plan.set_defaults(command=_plan)
    submit = commands.add_parser(
        "submit", help="`run` as a job of a Ray cluster, followed, and submitted again after a lost driver"
    )
    submit.set_defaults(command=_submit)
    for one in (run, plan, submit):
        one.add_argument("experiment", metavar="EXPERIMENT", help="a name from `w2s list`, or path/to/file.py:function")
        one.add_argument("--store", required=True, metavar="URL", help="a folder, or a URL such as s3://bucket/prefix")
        one.add_argument(
            "--set",
            action="extend",
            nargs="+",
            default=[],
            metavar="FIELD=VALUE",
            help="change a field, e.g. dpo.beta=0.3",
        )
        one.add_argument(
            "--only", action="extend", nargs="+", default=[], metavar="STEP", help="these steps and what they need"
        )
    for one in (run, submit):
        one.add_argument(
            "--resources", default="local", metavar="PRESET", help="local (default), one-gpu, node-8gpu or cluster-70b"
        )
    submit.add_argument("--address", metavar="URL", help="the cluster's job server, e.g. http://127.0.0.1:8265")
    submit.add_argument(
        "--attempts", type=int, default=3, metavar="N", help="submissions in all, where drivers are lost (default 3)"
    )
    submit.add_argument(
        "--env", action="extend", nargs="+", default=[], metavar="NAME", help="pass these variables on; never secrets"
    )
    run.add_argument(
        "--repair", action="store_true", help="read all files first and run again what is damaged, that alone"
    )
    cli_store.add_commands(commands)
    listing = commands.add_parser("list", help="the shipped experiments, one line each")
    listing.set_defaults(command=_list)
    return top


def _run(options: argparse.Namespace) -> int:
    from ray_jobs.driver.run import run
    from ray_jobs.driver.scheduler import StepFailed
    from ray_jobs.resources.presets import load_resources
    from w2s.report.document import text
    from w2s.store.store import Store

    store = Store(options.store)
    try:
        last = run(_experiment(options), store, load_resources(options.resources), options.only, options.repair)
    except StepFailed as error:
        print(f"w2s: {error}", file=sys.stderr)
        return 1
    if last.kind == "report":
        print(text(store.document(last["report"])))
        for name in ("report", "html"):
            print(store.absolute(f"{last.directory}/{store.files(last[name])[0].path}"))
    return 0


def _submit(options: argparse.Namespace) -> int:
    from ray_jobs.driver.submit import ROOT, submit
    from ray_jobs.resources.presets import load_resources
    from w2s.store.store import Store

    if options.attempts < 1:
        raise ValueError(f"--attempts {options.attempts}: it must be at least 1")
    name = _experiment(options).name
    load_resources(options.resources)
    path, colon, function = options.experiment.rpartition(":")
    if colon:  # a file of the user's, which the job finds in its copy of the working directory
        if not Path(path).resolve().is_relative_to(ROOT):
            raise ValueError(f"{path} is not under {ROOT}, which is what a job gets: move it there")
        options.experiment = f"{Path(path).resolve().relative_to(ROOT)}:{function}"
    arguments = [options.experiment, "--store", Store(options.store).url, "--resources", options.resources]
    for flag, values in (("--set", options.set), ("--only", options.only)):
        arguments += [flag, *values] if values else []
    return submit(arguments, name, options.address, options.attempts, options.env)


def _experiment(options: argparse.Namespace) -> "Experiment":
    from w2s.data.problem import check_gold
    from w2s.experiments.catalog import load
    from w2s.experiments.overrides import set_fields

    experiment = set_fields(load(options.experiment), options.set)
    check_gold(experiment)
    return experiment


def _plan(options: argparse.Namespace) -> int:
    from w2s.graph.build import build_steps
    from w2s.store.plan import plan
    from w2s.store.revisions import identify
    from w2s.store.store import Store

    store = Store(options.store)
    store.check_readable()
    experiment = identify(_experiment(options), store, network=False)
    planned = plan(build_steps(experiment), store, options.only)
    for one in planned:
        print(f"{one.state:<6} {one.step.name:<24} {one.directory or '(open)':<34} {one.why}")
    states = [one.state for one in planned]
    absent = f", {states.count('absent')} absent and not needed" if "absent" in states else ""
    print(f"{states.count('done')} done, {states.count('resume')} to resume, {states.count('run')} to run{absent}")
    return 0


def _list(options: argparse.Namespace) -> int:

    from w2s.experiments.catalog import load, names

    for name in names():
        print(f"{name:<24} {load(name).description}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
