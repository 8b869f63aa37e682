"""`w2s run`: run the missing steps of an experiment here and print its report."""

import argparse
import shlex
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ray_jobs.cli.options import add_experiment, add_resources, experiment

if TYPE_CHECKING:
    from ray_jobs.tracking.mirror import Mirror
    from w2s.graph.step import Step
    from w2s.recipe import Experiment
    from w2s.store.store import Store


TRACK_HELP = "mirror curves as they come, and at the end settings, scores and links, to wandb, mlflow or tensorboard"


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers."""
    run = commands.add_parser("run", help="run the missing steps of an experiment and print its results")
    run.set_defaults(command=_run)
    add_experiment(run)
    add_resources(run)
    run.add_argument(
        "--repair", action="store_true", help="read all files of the finished steps first, and run damaged steps again"
    )
    run.add_argument(
        "--track", action="extend", nargs="+", default=[], metavar="TRACKER",
        help=TRACK_HELP,
    )  # fmt: skip
    run.add_argument("--verbose", action="store_true", help="print the counts of all steps too, before the scores")


def _run(options: argparse.Namespace) -> int:
    from ray_jobs.driver.run import run
    from ray_jobs.driver.scheduler import StepFailed
    from ray_jobs.resources.presets import load_resources
    from ray_jobs.tracking.mirror import Mirror, check_tracker
    from w2s.store.store import Store

    for name in options.track:
        check_tracker(name)
    store, given, mirror = Store.at(options.store), experiment(options), Mirror(options.track)
    with closing(mirror):
        try:
            last = run(given, store, load_resources(options.resources), options.only, options.repair, mirror)
        except StepFailed as error:
            print(f"w2s: {error}", file=sys.stderr)
            _track(given, store, mirror)
            return 1
        if options.track:
            print()
        _track(given, store, mirror)
    if last.kind == "report":
        _print_report(last, store, options)
    return 0


def _track(given: "Experiment", store: "Store", mirror: "Mirror") -> None:
    """Mirror what the store has of the experiment."""
    from ray_jobs.tracking.record import record
    from w2s.store.revisions import identified_steps, identify

    if mirror.names:
        identified = identify(given, store, network=False)
        for line in mirror.finish(record(identified, identified_steps(identified, store), store)):
            print(line, flush=True)


def _print_report(report: "Step", store: "Store", options: argparse.Namespace) -> None:
    """Where each model and the report are, then the report, whose last lines are the scores."""
    from w2s.graph.step import with_upstream
    from w2s.graph.trained import trained_model
    from w2s.report.terminal import grid, printable
    from w2s.report.text import text

    models = [(s.report_name, trained_model(s)) for s in with_upstream([report]) if s.report_name]
    rows = [[name, store.place(model)] for name, model in models if model is not None]
    if rows:
        print("\n".join(["", *grid(["model", "place"], rows, (0, 1))]))
        words = [
            options.experiment,
            "STEP",
            "--store",
            options.store,
            *(["--set", *options.set] if options.set else []),
        ]
        print(printable(f"w2s export {shlex.join(words)} --to FOLDER  # a model for other tools"))
    for name in ("report", "html"):
        print(store.objects.absolute(f"{report.directory}/{store.files(report[name])[0].path}"))
    print()
    print(text(store.document(report["report"]), options.verbose), end="")
