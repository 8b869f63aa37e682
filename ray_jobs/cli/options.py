"""Options that several commands share, and the values they name: an experiment, an existing store."""

import argparse
import re
from typing import TYPE_CHECKING, Any

from w2s.errors import closest
from w2s.graph.directory import STEPS
from w2s.store.layout import RUNS
from w2s.store.objects.probes import check_readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from w2s.graph.step import Step
    from w2s.recipe import Experiment
    from w2s.store.manifest import Manifest
    from w2s.store.store import Store


FIELD_OPTIONS = ("--set", "--with")
_NAME = re.compile(r"\w[\w-]*|.+\.py(:\w+)?")
"""Of a step, table or experiment; no field and no value, which a dot or `=` would show."""


class NotInStore(ValueError):
    """The store has no step of the experiment."""


class Parser(argparse.ArgumentParser):
    """A parser of a command; with `mixed`, optional words may follow the options: `w2s show NAME --store S STEP`."""

    mixed = False

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As argparse does it, which names no command that a misspelt one may mean before Python 3.14."""
        if action.choices is not None and value not in action.choices:
            names = list(map(str, action.choices))
            raise argparse.ArgumentError(action, f"no {value!r}{closest(str(value), names)}: choose {', '.join(names)}")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """As argparse does it, which gives up on optional words once options have begun, and gives all words behind
        --set to it."""
        if not self.mixed:
            return super().parse_known_args(args, namespace)
        args = words_before_fields(args)
        self.mixed = False  # because the next call comes back here
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self.mixed = True


def words_before_fields(args: "Sequence[str]") -> list[str]:
    """The arguments with names behind FIELD=VALUE moved before --set: in `--set sft.epochs=3 dpo`, dpo is a STEP."""
    names: list[str] = []
    kept: list[str] = []
    option = ""
    for arg in args:
        option = arg if arg.startswith("-") else option
        is_name = option in FIELD_OPTIONS and "=" in kept[-1] and _NAME.fullmatch(arg)
        (names if is_name else kept).append(arg)
    first = next((place for place, arg in enumerate(kept) if arg in FIELD_OPTIONS), len(kept))
    return [*kept[:first], *names, *kept[first:]]


def add_store(command: argparse.ArgumentParser) -> None:
    """Add --store."""
    command.add_argument("--store", required=True, metavar="URL", help="a folder, or a URL such as s3://bucket/prefix")


def add_experiment(command: argparse.ArgumentParser, only: bool = True, optional: bool = False) -> None:
    """Add EXPERIMENT, --store, --set and, with `only`, --only: what to compute and where its steps are."""
    command.add_argument(
        "experiment",
        metavar="EXPERIMENT",
        nargs="?" if optional else None,
        help="a name from `w2s list`, or path/to/file.py:function",
    )
    add_store(command)
    many: dict[str, Any] = {"action": "extend", "nargs": "+", "default": []}
    command.add_argument("--set", **many, metavar="FIELD=VALUE", help="change a field, for example dpo.beta=0.3")
    if only:
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


def existing_store(options: argparse.Namespace, or_runs: bool = False) -> "Store":
    """The store of --store; with `or_runs` a run that has just begun is enough.

    Raises ValueError if it cannot be read or has no steps, because then --store names another place than the user
    meant.
    """
    from w2s.store.store import Store

    store = Store.at(options.store)
    check_readable(store.objects)
    if not any(store.objects.names(store.objects.path(name)) for name in ((STEPS, RUNS) if or_runs else (STEPS,))):
        raise ValueError(f"{store.objects.url} has no steps: --store must be what `w2s run` was given")
    return store


def recorded(options: argparse.Namespace, or_runs: bool = False) -> "tuple[Experiment, tuple[Step, ...], Store]":
    """The experiment of EXPERIMENT and --set, its steps, and the store of --store that has at least one of them; with
    `or_runs` a store without any step is enough, where a run has just begun.

    Raises ValueError if the store is another than meant, or has no step of the experiment.
    """
    from w2s.graph.directory import listed_directory
    from w2s.store.revisions import identified_steps, identify

    given = experiment(options)
    store = existing_store(options, or_runs)
    identified = identify(given, store, network=False)
    steps = identified_steps(identified, store)
    there = {listed_directory(name) for name in store.objects.names(store.objects.path(STEPS))}
    if (there or not or_runs) and all(step.open_revisions or step.directory not in there for step in steps):
        raise NotInStore(
            f"{store.objects.url} has no step of {options.experiment}{' with this --set' if options.set else ''}: "
            "give the EXPERIMENT and the --set of its `w2s run`"
        )
    return identified, steps, store


def named_step(steps: "Sequence[Step]", name: str) -> "Step":
    """The step called `name`. Raises ValueError if there is none."""
    named = {step.name: step for step in steps}
    if name not in named:
        raise ValueError(f"no step {name!r}{closest(name, named)}; the steps are {', '.join(named)}")
    return named[name]


def finished_manifest(step: "Step", store: "Store") -> "Manifest":
    """The manifest of a finished step. Raises ValueError if it is not finished."""
    manifest = store.manifest(step)
    if manifest is None:
        raise ValueError(f"{step.name} is not finished in {store.objects.url}: `w2s plan` shows the state of each step")
    return manifest
