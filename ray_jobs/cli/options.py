"""Options that several commands share, and the values they name: an experiment, an existing store."""

import argparse
from typing import TYPE_CHECKING, Any

from w2s.graph.directory import STEPS
from w2s.store.objects.probes import check_readable

if TYPE_CHECKING:
    from w2s.recipe import Experiment
    from w2s.store.store import Store


def add_store(command: argparse.ArgumentParser) -> None:
    """Add --store."""
    command.add_argument("--store", required=True, metavar="URL", help="a folder, or a URL such as s3://bucket/prefix")


def add_experiment(command: argparse.ArgumentParser) -> None:
    """Add EXPERIMENT, --store, --set and --only: what to compute and where its steps are."""
    command.add_argument("experiment", metavar="EXPERIMENT", help="a name from `w2s list`, or path/to/file.py:function")
    add_store(command)
    many: dict[str, Any] = {"action": "extend", "nargs": "+", "default": []}
    command.add_argument("--set", **many, metavar="FIELD=VALUE", help="change a field, for example dpo.beta=0.3")
    command.add_argument("--only", **many, metavar="STEP", help="limit to these steps and the steps they need")


def add_resources(command: argparse.ArgumentParser) -> None:
    """Add --resources."""
    command.add_argument(
        "--resources", default="local", metavar="PRESET", help="local (default), one-gpu, node-8gpu or cluster-70b"
    )


def experiment(options: argparse.Namespace) -> "Experiment":
    """The experiment of EXPERIMENT and --set.

    Raises ValueError for an unknown name or field, and for gold answers that cannot be graded.
    """
    from w2s.data.gold import check_gold
    from w2s.experiments.catalog import load
    from w2s.experiments.overrides import set_fields

    changed = set_fields(load(options.experiment), options.set)
    check_gold(changed)
    return changed


def existing_store(options: argparse.Namespace) -> "Store":
    """The store of --store.

    Raises ValueError if it cannot be read or has no steps, because then --store names another place than the user
    meant.
    """
    from w2s.store.store import Store

    store = Store.at(options.store)
    check_readable(store.objects)
    if not store.objects.names(store.objects.path(STEPS)):
        raise ValueError(f"{store.objects.url} has no steps: --store must be what `w2s run` was given")
    return store
