"""`w2s run`: run the missing steps of an experiment here and print its report."""

import argparse
import sys
from typing import Any

from ray_jobs.cli.options import add_experiment, add_resources, experiment


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers."""
    run = commands.add_parser("run", help="run the missing steps of an experiment and print its results")
    run.set_defaults(command=_run)
    add_experiment(run)
    add_resources(run)
    run.add_argument(
        "--repair", action="store_true", help="read all files of the finished steps first, and run damaged steps again"
    )


def _run(options: argparse.Namespace) -> int:
    from ray_jobs.driver.run import run
    from ray_jobs.driver.scheduler import StepFailed
    from ray_jobs.resources.presets import load_resources
    from w2s.report.text import text
    from w2s.store.store import Store

    store = Store.at(options.store)
    try:
        last = run(experiment(options), store, load_resources(options.resources), options.only, options.repair)
    except StepFailed as error:
        print(f"w2s: {error}", file=sys.stderr)
        return 1
    if last.kind == "report":
        print(text(store.document(last["report"])))
        for name in ("report", "html"):
            print(store.objects.absolute(f"{last.directory}/{store.files(last[name])[0].path}"))
    return 0
