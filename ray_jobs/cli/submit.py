"""`w2s submit`: `w2s run` as a job of a Ray cluster."""

import argparse
from typing import Any

from ray_jobs.cli.cluster import CONFIG_HELP
from ray_jobs.cli.options import add_experiment, add_resources, experiment


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers."""
    submit = commands.add_parser(
        "submit", help="run as a job of a Ray cluster, print its log, and submit it again if its driver is lost"
    )
    submit.set_defaults(command=_submit)
    add_experiment(submit)
    add_resources(submit)
    submit.add_argument("--address", metavar="URL", help="the cluster's job server, for example http://127.0.0.1:8265")
    submit.add_argument("--config", metavar="FILE", help=f"reach the job server through ssh to the head: {CONFIG_HELP}")
    submit.add_argument(
        "--attempts", type=int, default=3, metavar="N", help="submit at most N times if drivers are lost (default 3)"
    )
    submit.add_argument(
        "--env",
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME",
        help="pass these environment variables to the job; secrets are rejected",
    )


def _submit(options: argparse.Namespace) -> int:
    from ray_jobs.cluster.config import load_cluster
    from ray_jobs.cluster.tunnel import Tunnel
    from ray_jobs.driver.package import experiment_in_job
    from ray_jobs.driver.submit import submit
    from ray_jobs.resources.presets import load_resources
    from w2s.store.store import Store

    if options.attempts < 1:
        raise ValueError(f"--attempts {options.attempts}: it must be at least 1")
    cluster = load_cluster(options.config) if options.config and not options.address else None
    name = experiment(options).name
    load_resources(options.resources)
    options.experiment, code = experiment_in_job(options.experiment)
    arguments = [options.experiment, "--store", Store.at(options.store).objects.url, "--resources", options.resources]
    for flag, values in (("--set", options.set), ("--only", options.only)):
        arguments += [flag, *values] if values else []
    if cluster is None:
        return submit(arguments, name, options.address, options.attempts, options.env, code)
    with Tunnel(cluster) as tunnel:
        return submit(arguments, name, tunnel, options.attempts, options.env, code)
