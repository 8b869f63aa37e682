"""`w2s chat`: ask a finished model questions in the terminal."""

import argparse
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ray_jobs.cli.asking.models import named_model
from ray_jobs.cli.options import add_experiment, recorded

if TYPE_CHECKING:
    from w2s.graph.evaluate import Asked
    from w2s.recipe import Experiment
    from w2s.store.store import Store


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers."""
    command = commands.add_parser("chat", help="ask a finished model questions, one a line")
    command.mixed = True
    command.set_defaults(command=_chat)
    add_experiment(command, only=False)
    command.add_argument("step", metavar="STEP", help="a training step, or a model's name in the report")
    command.add_argument(
        "--url", metavar="URL", help="an OpenAI-compatible server that serves it, instead of loading it here"
    )
    command.add_argument(
        "--served",
        default="",
        metavar="NAME",
        help="the model's name on that server; default: the only one that it serves",
    )


def _chat(options: argparse.Namespace) -> int:
    if options.url is not None and not options.url.startswith(("http://", "https://")):
        raise ValueError(f"--url {options.url}: must begin with http:// or https://")
    if options.served and options.url is None:
        raise ValueError(f"--served {options.served}: needs --url: add the URL of its server, or leave --served out")
    experiment, steps, store = recorded(options)
    answer = _answering(named_model(steps, options.step, store), experiment, store, options)
    converse(sys.stdin, answer, sys.stdin.isatty())
    return 0


def _answering(
    asked: "Asked", experiment: "Experiment", store: "Store", options: argparse.Namespace
) -> Callable[[str], str]:
    from ray_jobs.models.adapters import trained_adapter
    from ray_jobs.models.answering import Asking, LocalModel, ServedModel
    from ray_jobs.models.folders import trained_folder
    from w2s.graph.trained import is_whole
    from w2s.records import Demonstration

    shown = store.records(asked.demonstrations, Demonstration) if asked.demonstrations else ()
    asking = Asking(asked.model, shown, experiment.greedy.max_tokens)
    if options.url is not None:
        return ServedModel(asking, options.url, options.served).answer
    if asked.trained and is_whole(asked.trained):
        return LocalModel(asking, whole=trained_folder(store, asked.trained)).answer
    return LocalModel(asking, adapter=trained_adapter(store, asked.trained) if asked.trained else None).answer


def converse(lines: Iterable[str], answer: Callable[[str], str], prompts: bool) -> None:
    """Answer each line. What a model says is shown behind spaces, its control characters as escapes."""
    from w2s.report.terminal import indented

    def ask() -> None:
        if prompts:
            print("> ", end="", flush=True)

    ask()
    for line in lines:
        if question := line.strip():
            print("\n".join(indented(answer(question))), flush=True)
        ask()
    if prompts:
        print()
