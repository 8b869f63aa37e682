"""`w2s submit`: `w2s run` as a job of a Ray cluster."""

import argparse
import os
from collections.abc import Sequence
from typing import Any

from ray_jobs.cli.cluster import CONFIG_HELP
from ray_jobs.cli.options import add_experiment, add_resources, experiment
from ray_jobs.cli.running.run import TRACK_HELP


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers."""
    submit = commands.add_parser(
        "submit", help="run as a job of a Ray cluster, print its log, and submit it again if its driver is lost"
    )
    submit.set_defaults(command=_submit)
    add_experiment(submit)
    add_resources(submit)
    add_cluster(submit)
    submit.add_argument(
        "--attempts", type=int, default=3, metavar="N", help="submit at most N times if drivers are lost (default 3)"
    )
    submit.add_argument("--track", action="extend", nargs="+", default=[], metavar="TRACKER", help=TRACK_HELP)
    submit.add_argument(
        "--env",
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME",
        help="pass these environment variables to the job; secrets are rejected",
    )


def add_cluster(command: argparse.ArgumentParser) -> None:
    """Add --address and --config: the cluster that a job is submitted to."""
    command.add_argument("--address", metavar="URL", help="its job server, for example http://127.0.0.1:8265")
    command.add_argument("--config", metavar="FILE", help=f"reach the cluster through ssh: {CONFIG_HELP}")


def submit_to(options: argparse.Namespace, arguments: Sequence[str], name: str, **how: Any) -> int:
    """Submit to the cluster of --address or --config, for the latter through a tunnel that this call opens and closes.

    The rest is as in ray_jobs/driver/submit.py.
    """
    from ray_jobs.cluster.config import load_cluster
    from ray_jobs.cluster.tunnel import Tunnel
    from ray_jobs.driver.submit import submit

    if options.address or not options.config:
        return submit(arguments, name, options.address, **how)
    with Tunnel(load_cluster(options.config)) as tunnel:
        return submit(arguments, name, tunnel, **how)


def _submit(options: argparse.Namespace) -> int:
    from ray_jobs.driver.package import experiment_in_job
    from ray_jobs.resources.presets import load_resources
    from ray_jobs.tracking.mirror import variables_of
    from w2s.graph.build import build_steps
    from w2s.store.plan import check_only
    from w2s.store.store import Store

    if options.attempts < 1:
        raise ValueError(f"--attempts {options.attempts}: it must be at least 1")
    variables = [*options.env, *variables_of(options.track, os.environ)]
    given = experiment(options)
    check_only(build_steps(given), options.only)
    load_resources(options.resources)
    options.experiment, code = experiment_in_job(options.experiment)
    arguments = [options.experiment, "--store", Store.at(options.store).objects.url, "--resources", options.resources]
    for flag, values in (("--set", options.set), ("--only", options.only), ("--track", options.track)):
        arguments += [flag, *values] if values else []
    return submit_to(options, arguments, given.name, attempts=options.attempts, names=variables, code=code)
