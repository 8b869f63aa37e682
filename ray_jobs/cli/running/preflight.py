"""`w2s preflight`: what a run needs of every node, tried there in a minute, and on demand a tiny run in ten."""

import argparse
from typing import Any

from ray_jobs.cli.cluster import show_rows
from ray_jobs.cli.options import add_experiment, add_resources, experiment
from ray_jobs.cli.submit import add_cluster, submit_to


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers."""
    preflight = commands.add_parser("preflight", help="try store, models, GPUs, versions and network on every node")
    preflight.set_defaults(command=_preflight)
    add_experiment(preflight, only=False)
    add_resources(preflight)
    preflight.add_argument(
        "--smoke",
        action="store_true",
        help="then run the experiment on 32 problems in a scratch store below --store, which is removed: engines, SFT, "
        "DPO, ORPO, their memory, and whether engine and trainer are one model",
    )
    add_cluster(preflight)


def _preflight(options: argparse.Namespace) -> int:
    """As a job with --address or --config, else on the Ray that this process is a driver of, or a local one."""
    from ray_jobs.driver.package import experiment_in_job
    from ray_jobs.driver.preflight.nodes import preflight
    from ray_jobs.driver.preflight.smoke import smoke
    from ray_jobs.resources.presets import load_resources
    from w2s.store.objects.probes import check_readable
    from w2s.store.store import Store

    chosen, resources, store = experiment(options), load_resources(options.resources), Store.at(options.store)
    if not (options.address or options.config):
        check_readable(store.objects)  # before Ray starts, because a folder of this machine needs no node to tell
        failed = show_rows(preflight(chosen, store, resources))
        if not options.smoke or failed:
            return failed
        return show_rows(smoke(chosen, store, resources))
    name, code = experiment_in_job(options.experiment)
    arguments = [name, "--store", store.objects.url, "--resources", options.resources]
    arguments += ["--set", *options.set] if options.set else []
    arguments += ["--smoke"] if options.smoke else []
    program = ("ray_jobs.cli", "preflight")
    return submit_to(options, arguments, f"preflight-{chosen.name}", attempts=1, code=code, program=program)
