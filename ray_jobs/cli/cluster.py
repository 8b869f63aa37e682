"""`w2s cluster`: check, start and stop the hosts of a cluster's file."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray_jobs.cluster.checks import Row

CONFIG_HELP = "the cluster's file for Ray's launcher, such as docker/hosts.yaml or cluster.yaml"


def add_commands(commands: Any) -> None:
    """Add `cluster check`, `cluster up` and `cluster down` to the subparsers."""
    cluster = commands.add_parser("cluster", help="check, start or stop the hosts of a Ray cluster")
    actions = cluster.add_subparsers(required=True, metavar="ACTION")
    for name, function, text in (
        ("check", _check, "look at this machine and all hosts, and say what to do; starts nothing"),
        ("up", _up, "check, start the cluster with Ray's launcher, and wait for its hosts"),
        ("down", _down, "stop Ray on every host and show that no process is left"),
    ):
        action = actions.add_parser(name, help=text)
        action.set_defaults(command=function)
        action.add_argument("--config", required=True, metavar="FILE", help=CONFIG_HELP)
        if name != "down":
            action.add_argument("--store", default="", metavar="URL", help="also write this store from each host")


def _check(options: argparse.Namespace) -> int:
    import os

    from ray_jobs.cluster.checks import check
    from ray_jobs.cluster.config import load_cluster
    from ray_jobs.driver.submit import passed_on

    return show_rows(check(load_cluster(options.config), options.store, passed_on(os.environ, [])))


def _up(options: argparse.Namespace) -> int:
    from ray_jobs.cluster.config import load_cluster
    from ray_jobs.cluster.launch import up

    return _check(options) or show_rows(up(load_cluster(options.config)))


def _down(options: argparse.Namespace) -> int:
    from ray_jobs.cluster.config import load_cluster
    from ray_jobs.cluster.launch import down

    return show_rows(down(load_cluster(options.config)))


def show_rows(rows: "Sequence[Row]") -> int:
    """Print the table; 1 if a row fails."""
    from ray_jobs.cluster.checks import table

    print("\n".join(table(rows)), flush=True)
    return 0 if all(row.ok for row in rows) else 1
