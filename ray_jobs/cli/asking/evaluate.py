"""`w2s eval`: ask finished models, or any model, the problems of another data set, and grade their answers."""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray_jobs.cli.asking.figures import ROLES, document
from ray_jobs.cli.asking.models import is_finished, models, named_model
from ray_jobs.cli.options import add_resources, add_store, recorded

if TYPE_CHECKING:
    from w2s.graph.evaluate import Asked
    from w2s.graph.step import Step
    from w2s.recipe import Evaluation

EXAMPLE = "problems.test.solution=answer"


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers."""
    command = commands.add_parser("eval", help="ask models the problems of another data set, and grade their answers")
    command.mixed = True
    command.set_defaults(command=_evaluate)
    command.add_argument(
        "model", metavar="EXPERIMENT|MODEL", help="of `w2s list` or file.py:function; a folder, URL or hub name"
    )
    command.add_argument(
        "steps", metavar="STEP", nargs="*", help="models of the experiment; all finished ones by default"
    )
    add_store(command)
    many: dict[str, Any] = {"action": "extend", "nargs": "+", "default": []}
    command.add_argument(
        "--data", required=True, metavar="SOURCE", help="a file, folder, URL or hub name of problems with gold"
    )
    command.add_argument("--adapter", metavar="PATH", help="a LoRA adapter's folder, for MODEL")
    command.add_argument(
        "--samples", type=int, default=0, metavar="N", help="also N samples a problem at temperature 1"
    )
    command.add_argument("--with", **many, dest="fields", metavar="FIELD=VALUE", help=f"a field, for example {EXAMPLE}")
    command.add_argument("--set", **many, metavar="FIELD=VALUE", help="of the EXPERIMENT's run")
    command.add_argument("--json", metavar="FILE", help="also write the figures to a file as JSON")
    add_resources(command)


def _evaluate(options: argparse.Namespace) -> int:
    from ray_jobs.driver.checks.experiment import check_evaluation
    from ray_jobs.driver.run import Graph, opened, run_graph
    from ray_jobs.driver.scheduler import StepFailed
    from ray_jobs.resources.presets import load_resources
    from w2s.graph.evaluate import build_evaluation
    from w2s.report.evaluation import text
    from w2s.report.terminal import printable
    from w2s.store.revisions import identify, known_contents
    from w2s.store.store import Store

    resources = load_resources(options.resources)
    if options.samples < 0:
        raise ValueError(f"--samples {options.samples}: must be 0 or more")
    _check_data(options.data)
    if options.json is not None and (Path(options.json).is_dir() or not Path(options.json).absolute().parent.is_dir()):
        raise ValueError(f"--json {options.json}: must be a file in a folder that is there")
    given, those = _of_experiment(options) if _is_experiment(options.model) else _of_model(options)
    store = opened(Store.at(options.store))
    evaluation = identify(given, store, network=True)
    asked = [*those, *_base(options, evaluation)]

    def steps(read: bool) -> "Sequence[Step]":
        return build_evaluation(evaluation, asked, known_contents(evaluation.problems, store, read=read))[0]

    try:
        graph = Graph("eval", steps, lambda missing: check_evaluation(missing, resources), every=True)
        run_graph(graph, store, resources)
    except StepFailed as error:
        print(f"w2s: {error}", file=sys.stderr)
        return 1
    _, verdicts = build_evaluation(evaluation, asked, known_contents(evaluation.problems, store))
    found = document(verdicts, store)
    if options.json is not None:
        Path(options.json).write_text(json.dumps(found, indent=1), encoding="utf-8")
    print("\n".join(["", *map(printable, text(found))]))
    return 0


def _is_experiment(text: str) -> bool:
    """Whether the word names an experiment. Raises ValueError for what is most likely a misspelt one."""
    from w2s.errors import closest
    from w2s.experiments.catalog import names

    if text in names() or text.endswith(".py") or ".py:" in text:
        return True
    if "/" not in text and not Path(text).exists() and (near := closest(text, names())):
        raise ValueError(f"no experiment {text!r}{near}: give one of `w2s list`, or a model's folder, URL or hub name")
    return False


def _check_data(name: str) -> None:
    """Refuse a path to nothing before a model is looked up."""
    from w2s.data.location import locate
    from w2s.data.readers.formats import format_of

    path = locate(name)
    if path is not None and not path.exists() and not set("*?[") & set(name):
        raise ValueError(f"--data {name}: there is no {'file' if format_of(name) else 'file or folder'} {path}")


def _of_experiment(options: argparse.Namespace) -> "tuple[Evaluation, list[Asked]]":
    from w2s.recipe import Answers, Evaluation, Sampling

    if options.adapter:
        raise ValueError(
            f"--adapter {options.adapter}: is for a MODEL; {options.model} has its own adapters: name a STEP"
        )
    options.experiment = options.model
    experiment, steps, store = recorded(options)
    if options.steps:
        by_name = {one.name: one for one in (named_model(steps, name, store) for name in options.steps)}
        asked = list(by_name.values())  # weak_sft and weak_floor are one model
    else:
        asked = [one for one in models(steps).values() if is_finished(one, store)]
    made = Evaluation(problems=_problems(options), model=None, answers=Answers(), greedy=Sampling()).model_copy(
        update={"answers": experiment.answers, "greedy": experiment.greedy}
    )
    return _changed(made, options), asked


def _of_model(options: argparse.Namespace) -> "tuple[Evaluation, list[Asked]]":
    from w2s.recipe import Answers, Evaluation, Model, Sampling

    if options.steps or options.set:
        extra = options.steps[0] if options.steps else f"--set {options.set[0]}"
        raise ValueError(f"{extra}: is of an experiment, and {options.model} is a model: leave it out")
    made = Evaluation(
        problems=_problems(options), model=Model(name=options.model), answers=Answers(), greedy=Sampling()
    )
    return _changed(made, options), []


def _base(options: argparse.Namespace, evaluation: "Evaluation") -> "list[Asked]":
    """The given model, with the adapter of --adapter."""
    from ray_jobs.models.adapters import adapter_revision, read_adapter
    from w2s.graph.evaluate import Asked
    from w2s.graph.recipes import ForeignAdapter
    from w2s.graph.step import Step

    if evaluation.model is None:
        return []
    name = re.sub(r"[^\w.-]", "_", options.model.rstrip("/").rpartition("/")[2]) + "_model" * (options.model in ROLES)
    if not options.adapter:
        return [Asked(name, evaluation.model)]
    path = str(Path(options.adapter).expanduser().absolute())
    recipe = ForeignAdapter(name=path, revision=adapter_revision(read_adapter(path)))
    return [Asked(f"{name}+{Path(path).name}", evaluation.model, Step("adapter", recipe)["model"])]


def _problems(options: argparse.Namespace) -> Any:
    from w2s.recipe import Source
    from w2s.recipe.problems import TestProblems

    return TestProblems(test=Source(name=options.data))


def _changed(made: "Evaluation", options: argparse.Namespace) -> "Evaluation":
    """The evaluation with --samples and --with. Raises ValueError without gold."""
    from w2s.experiments.overrides import set_fields
    from w2s.recipe import Sampling

    if options.samples:
        tokens = made.greedy.max_tokens
        made = made.model_copy(update={"sampled": Sampling(n=options.samples, temperature=1.0, max_tokens=tokens)})
    made = set_fields(made, options.fields, "--with", EXAMPLE)
    if made.greedy.n != 1 or made.greedy.temperature:
        raise ValueError("--with greedy: must stay n=1 and temperature=0; --samples N draws samples")
    source = made.problems.test
    if source.answer is None and source.solution is None:
        raise ValueError(
            f"--data {options.data} has no gold and every answer is graded by it: "
            "--with problems.test.answer=COLUMN, or problems.test.solution=COLUMN where the answer ends a solution"
        )
    return made
