"""`w2s verify` and `w2s gc`: check all files of a store, and remove what no run needs."""

import argparse
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ray_jobs.cli.options import add_store, existing_store
from w2s.graph.directory import STEPS, listed_directory

if TYPE_CHECKING:
    from w2s.store.store import Store


def add_commands(commands: Any) -> None:
    """Add the commands to the subparsers."""
    verify = commands.add_parser("verify", help="read every file of a store and compare it with its manifest")
    verify.set_defaults(command=_verify)
    add_store(verify)
    gc = commands.add_parser(
        "gc", help="remove the objects of failed attempts and, with --keep, the steps of other experiments"
    )
    gc.set_defaults(command=_gc)
    add_store(gc)
    gc.add_argument(
        "--keep",
        nargs="+",
        action="extend",
        metavar="EXPERIMENT",
        help="keep only the steps of these and the evaluations of their models: quickstart or quickstart,dpo.beta=0.3",
    )
    gc.add_argument("--dry-run", action="store_true", help="list the objects and remove nothing")


def _verify(options: argparse.Namespace) -> int:
    from w2s.store.maintenance.verify import verify

    steps = verify(existing_store(options))
    print(f"{'step':<24} {'directory':<36} {'state':<10} {'files':>6} {'bytes':>14}")
    for step in steps:
        state = "DAMAGED" if step.damage else step.state
        size = sum(file.bytes for file in step.files)
        print(f"{step.name or '-':<24} {step.directory:<36} {state:<10} {len(step.files):>6,} {size:>14,}")
        for finding in step.findings:
            print(f"    {finding.path}: {finding.what}")
    findings = [finding for step in steps for finding in step.findings]
    damaged = sum(bool(step.damage) for step in steps)
    states, files = [step.state for step in steps], [file for step in steps for file in step.files]
    print(
        f"{states.count('finished')} finished, {states.count('unfinished')} unfinished, {len(files):,} files with "
        f"{sum(file.bytes for file in files):,} bytes read, {damaged} steps damaged, "
        f"{sum(not finding.is_damage for finding in findings)} inputs absent or unreadable"
        + ("; w2s run EXPERIMENT --repair runs damaged steps again" if damaged else "")
    )
    return 1 if findings else 0


def _gc(options: argparse.Namespace) -> int:
    from w2s.store.maintenance.evaluations import evaluations
    from w2s.store.maintenance.gc import ORPHAN_SECONDS, collect, find_garbage
    from w2s.store.objects.probes import check_writable

    # Dry runs need write access too: the age of an orphan is measured by the server's clock, from a probe object.
    store = existing_store(options)
    store = replace(store, objects=check_writable(store.objects))
    keep = None
    if options.keep is not None:
        keep = {directory for text in options.keep for directory in _directories(text, store)}
        keep |= evaluations(store, keep)
    garbage = find_garbage(store, keep)
    for group in garbage:
        print(f"{group.directory or '-':<36} {len(group.entries):>6,} objects {group.bytes:>14,} bytes  {group.why}")
    if not options.dry_run:
        collect(store, garbage)
    print(
        f"{sum(len(group.entries) for group in garbage):,} objects, {sum(group.bytes for group in garbage):,} bytes "
        f"{'would be removed' if options.dry_run else 'removed'}; orphans younger than {ORPHAN_SECONDS / 3600:.0f} h "
        "and objects of live runs stay"
    )
    return 0


def _directories(text: str, store: "Store") -> list[str]:
    """The step directories of an experiment given as `NAME[,FIELD=VALUE...]`.

    Raises ValueError if a revision was never resolved in this store, because the directories are then unknown, and if
    the store has none of the directories.
    """
    from w2s.experiments.catalog import load
    from w2s.experiments.overrides import set_fields
    from w2s.store.revisions import identified_steps, identify

    name, *fields = re.split(r",(?=[a-z_][\w.]*=)", text)  # a value may contain commas
    identified = identify(set_fields(load(name), fields, "--keep"), store, network=False)
    steps = identified_steps(identified, store, read=True)
    if unknown := [source.name for step in steps for source in step.open_revisions]:
        raise ValueError(
            f"--keep {text}: the revision of {unknown[0]} is not recorded in this store, so the directories of its "
            "steps are unknown: run the experiment in this store, or leave it out of --keep"
        )
    existing = {listed_directory(name) for name in store.objects.names(store.objects.path(STEPS))}
    if existing.isdisjoint(step.directory for step in steps):
        raise ValueError(
            f"--keep {text}: none of its steps is in {store.objects.url}: `w2s plan` shows which fields differ"
        )
    return [step.directory for step in steps]
