"""`w2s completion`: what a shell reads to complete commands, options, experiments, presets and paths."""

import argparse
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from w2s.errors import closest

SHELLS = ("bash", "zsh", "fish")


def add_commands(commands: Any, top: argparse.ArgumentParser) -> None:
    """Add the command to the subparsers of `top`."""
    completion = commands.add_parser("completion", help="print a script that completes commands and options in a shell")
    completion.set_defaults(command=partial(_completion, top))
    completion.add_argument("shell", metavar="SHELL", help=" or ".join(SHELLS))


def _completion(top: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if options.shell not in SHELLS:
        raise ValueError(f"SHELL {options.shell}: must be {', '.join(SHELLS)}{closest(options.shell, SHELLS)}")
    if find_spec("shtab") is None:
        raise ValueError("completion: shtab, which writes the script, is not installed: pip install 'w2s[completion]'")
    shtab: Any = import_module("shtab")
    from ray_jobs.resources.presets import PRESETS
    from w2s.experiments.catalog import names

    values: dict[str, Any] = {"EXPERIMENT": names(), "PRESET": list(PRESETS), "SHELL": SHELLS}
    paths: dict[str, Any] = {"FOLDER": shtab.DIRECTORY, "URL": shtab.DIRECTORY, "FILE": shtab.FILE, "PATH": shtab.FILE}
    (commands,) = (action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    for action in (action for command in commands.choices.values() for action in command._actions):
        if action.metavar in values:  # the command line is parsed already, so that they refuse nothing
            action.choices = values[str(action.metavar)]
        elif action.metavar in paths:
            action.complete = paths[str(action.metavar)]  # pyright: ignore[reportAttributeAccessIssue]
    print(shtab.complete(top, options.shell))
    return 0
