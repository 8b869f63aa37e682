"""`w2s verify` and `w2s gc`: commands on a store as a whole."""

import argparse
import re
from typing import Any


def add_commands(commands: Any) -> None:
    """Add them to the command line's subparsers."""
    verify = commands.add_parser("verify", help="read every file of a store and check it against its manifest")
    verify.set_defaults(command=_verify)
    gc = commands.add_parser(
        "gc", help="remove what failed attempts left, and with --keep the steps of other experiments"
    )
    gc.set_defaults(command=_gc)
    for one in (verify, gc):
        one.add_argument("--store", required=True, metavar="URL", help="a folder, or a URL such as s3://bucket/prefix")
    gc.add_argument(
        "--keep",
        nargs="+",
        action="extend",
        metavar="EXPERIMENT",
        help="like quickstart or quickstart,dpo.beta=0.3; all other steps go",
    )
    gc.add_argument("--dry-run", action="store_true", help="list, and remove nothing")


def _verify(options: argparse.Namespace) -> int:
    from w2s.store.maintenance.verify import verify

    checked = verify(_existing(options.store))
    print(f"{'step':<24} {'directory':<36} {'state':<10} {'files':>6} {'bytes':>14}")
    for one in checked:
        size = sum(file.bytes for file in one.files)
        print(
            f"{one.name or '-':<24} {one.directory:<36} {'DAMAGED' if one.damage else one.state:<10} {len(one.files):>6,} {size:>14,}"
        )
        for finding in one.findings:
            print(f"    {finding.path}: {finding.what}")
    findings = [finding for one in checked for finding in one.findings]
    damaged = sum(bool(one.damage) for one in checked)
    states, files = [one.state for one in checked], [file for one in checked for file in one.files]
    print(
        f"{states.count('finished')} finished, {states.count('unfinished')} unfinished, {len(files):,} files with "
        f"{sum(file.bytes for file in files):,} bytes read, {damaged} steps damaged, "
        f"{sum(not f.is_damage for f in findings)} inputs absent or unreadable"
        + ("; w2s run EXPERIMENT --repair mends damage" if damaged else "")
    )
    return 1 if findings else 0


def _gc(options: argparse.Namespace) -> int:
    from w2s.store.maintenance.gc import ORPHAN_SECONDS, collect, find_garbage

    store = _existing(
        options.store
    ).check_writable()  # dry runs too: an object of our own shows the server's clock, by which orphans have an age
    keep = (
        None if options.keep is None else {directory for one in options.keep for directory in _directories(one, store)}
    )
    garbage = find_garbage(store, keep)
    for one in garbage:
        print(f"{one.directory or '-':<36} {len(one.entries):>6,} objects {one.bytes:>14,} bytes  {one.why}")
    if not options.dry_run:
        collect(store, garbage)
    print(
        f"{sum(len(one.entries) for one in garbage):,} objects, {sum(one.bytes for one in garbage):,} bytes "
        f"{'would be removed' if options.dry_run else 'removed'}; orphans younger than {ORPHAN_SECONDS / 3600:.0f} h and what live runs hold stay"
    )
    return 0


def _existing(url: str) -> Any:
    """The store at `url`.

    Raises ValueError where it cannot be read or has no steps: it is another than was meant.
    """
    from w2s.store.store import Store

    store = Store(url)
    store.check_readable()
    if not store.names(store.path("steps")):
        raise ValueError(f"{store.url} has no steps: --store must be what `w2s run` was given")
    return store


def _directories(text: str, store: Any) -> list[str]:
    """The directories of an experiment's steps, as `NAME[,FIELD=VALUE...]` names it.

    Raises ValueError where they are not known: a revision was never resolved in this store.
    """
    from w2s.experiments.catalog import load
    from w2s.experiments.overrides import set_fields
    from w2s.graph.build import build_steps
    from w2s.store.revisions import identify

    name, *fields = re.split(r",(?=[a-z_][\w.]*=)", text)  # a value may have commas
    steps = build_steps(identify(set_fields(load(name), fields), store, network=False))
    if unknown := [one.name for step in steps for one in step.open_revisions]:
        raise ValueError(
            f"--keep {text}: the revision of {unknown[0]} is not recorded in this store, so its steps cannot be told from others"
        )
    there = {f"steps/{name}" for name in store.names(store.path("steps"))}
    if there.isdisjoint(step.directory for step in steps):
        raise ValueError(f"--keep {text}: none of its steps is in {store.url}: `w2s plan` shows which fields differ")
    return [step.directory for step in steps]
