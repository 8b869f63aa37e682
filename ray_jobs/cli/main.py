"""The `w2s` command: its parser and its exit codes.

Each command imports what it needs when it runs, so that --help, list and plan answer in well under a second.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from ray_jobs.cli import answers, cluster, completion, help, store, submit
from ray_jobs.cli.asking import chat, evaluate
from ray_jobs.cli.options import Parser
from ray_jobs.cli.reading import compare, export, report, reproduce, show, status
from ray_jobs.cli.running import plan, preflight, run, sweep
from ray_jobs.runtime.local_ray import leave
from w2s import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0: done. 1: a step or the store's server failed. 2: the user must change something. 130: stopped by Ctrl-C. 141: the
    reader of the output has gone. 143: stopped by SIGTERM, which a machine sends when it shuts down.
    """
    options = parser().parse_args(arguments)
    try:
        code = options.command(options)
        sys.stdout.flush()
        return leave(code)
    except BrokenPipeError:  # who reads the output has enough of it, as in `w2s show ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it exits
        return leave(141)
    except ValueError as error:
        print(f"w2s: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # from the store's server or from a file of the user
        message = " ".join(str(error).split())  # all lines, because a server's error code is often in the last line
        _print_end(f"{type(error).__name__}: {message}")
        return 1
    except (KeyboardInterrupt, SystemExit) as stop:  # Ray turns SIGTERM into SystemExit
        _print_end("stopped")
        return leave(130 if isinstance(stop, KeyboardInterrupt) else 143)


def parser() -> argparse.ArgumentParser:
    """The parser of the command line, in the order of --help."""
    top = Parser(
        prog="w2s", description="Weak-to-strong reasoning: a strong model learns from a weaker model's answers."
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    run.add_commands(commands)
    plan.add_commands(commands)
    sweep.add_commands(commands)
    preflight.add_commands(commands)
    submit.add_commands(commands)
    cluster.add_commands(commands)
    status.add_commands(commands)
    show.add_commands(commands)
    report.add_commands(commands)
    compare.add_commands(commands)
    reproduce.add_commands(commands)
    export.add_commands(commands)
    evaluate.add_commands(commands)
    chat.add_commands(commands)
    store.add_commands(commands)
    answers.add_commands(commands)
    help.add_commands(commands)
    completion.add_commands(commands, top)
    return top


def _print_end(why: str) -> None:
    print(f"w2s: {why}; finished steps stay: run the same command again to continue", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
