"""`w2s export`: a trained model, or the training data that a filter selected, as a folder for other tools."""

import argparse
import json
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray_jobs.cli.asking.models import models
from ray_jobs.cli.options import add_experiment, finished_manifest, named_step, recorded

if TYPE_CHECKING:
    from ray_jobs.models.hub import Repository
    from w2s.graph.step import Step
    from w2s.recipe import Experiment
    from w2s.store.store import Store


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers."""
    export = commands.add_parser("export", help="write a trained model, or selected training data, into a folder")
    export.set_defaults(command=_export)
    export.mixed = True
    add_experiment(export, only=False)
    export.add_argument(
        "step", metavar="STEP", help="a training step such as dpo, or consistent_1 or pairs for training data"
    )
    export.add_argument("--to", required=True, metavar="FOLDER", help="a new or empty folder")
    export.add_argument("--merge", action="store_true", help="the whole model, with the adapter added to the base")
    export.add_argument(
        "--push-to-hub",
        metavar="NAME",
        help="also commit the folder to a repository of the Hugging Face hub, made private if it is new",
    )


def _export(options: argparse.Namespace) -> int:
    from w2s.graph.recipes import Agree, FineTune, Pair, Prefer
    from w2s.graph.trained import is_whole

    experiment, steps, store = recorded(options)
    step = _exported(steps, options.step)
    if not isinstance(step.recipe, FineTune | Prefer | Agree | Pair):
        exported = [one.name for one in steps if isinstance(one.recipe, FineTune | Prefer | Agree | Pair)]
        raise ValueError(f"{step.name} has no model and no training data; steps to export: {', '.join(exported)}")
    finished_manifest(step, store)
    is_model = isinstance(step.recipe, FineTune | Prefer)
    if options.merge and (not is_model or is_whole(step["model"])):
        raise ValueError(f"--merge adds an adapter to its base, and {step.name} has no adapter")
    final = Path(options.to).expanduser().absolute()
    with _new_folder(final) as folder:
        hub = _repository(options, step)
        if is_model:
            _write_model(experiment, steps, step, store, folder, final, options.merge)
        else:
            _write_data(experiment, step, store, folder)
    print(final)
    if hub:
        print(hub.push(final, f"{step.name} of {experiment.name}, exported by w2s"))
    return 0


def _exported(steps: "Sequence[Step]", name: str) -> "Step":
    """The step called `name`, or the training of the model that the report calls so: weak_floor is weak_sft's.

    Raises ValueError if there is none.
    """
    asked = models(steps).get(name)
    return asked.trained.step if asked and asked.trained else named_step(steps, name)


def _repository(options: argparse.Namespace, step: "Step") -> "Repository | None":
    """The repository of --push-to-hub, made before the export begins, because the hub may refuse it.

    Raises ValueError for a name, token or adapter that the hub cannot take.
    """
    from ray_jobs.models.hub import check_name, repository
    from w2s.graph.recipes import FineTune, Prefer
    from w2s.graph.trained import is_whole
    from w2s.report.exports.cards import is_hub

    if options.push_to_hub is None:
        return None
    check_name(options.push_to_hub)
    recipe = step.recipe
    if not isinstance(recipe, FineTune | Prefer):
        return repository(options.push_to_hub, "dataset")
    if not options.merge and not is_hub(recipe.model) and not is_whole(step["model"]):
        raise ValueError(
            f"--push-to-hub {options.push_to_hub}: the base of {step.name} is on no hub, so nobody could load the "
            "adapter: add --merge"
        )
    return repository(options.push_to_hub, "model")


@contextmanager
def _new_folder(final: Path) -> Iterator[Path]:
    """A folder to write into that becomes `final` if the block ends well, and is gone otherwise.

    Raises ValueError if `final` is there and not an empty folder, or cannot be written.
    """
    if final.exists() and (not final.is_dir() or any(final.iterdir())):
        raise ValueError(f"--to {final}: it is there already: give a new or an empty folder")
    folder = final.with_name(f"{final.name}.{secrets.token_hex(4)}.tmp")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise ValueError(f"--to {final}: cannot be written ({error.strerror})") from None
    try:
        yield folder
        folder.rename(final)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_model(
    experiment: "Experiment", steps: "Sequence[Step]", step: "Step", store: "Store", folder: Path, final: Path,
    merge: bool,
) -> None:  # fmt: skip
    from ray_jobs.models.adapters import trained_adapter
    from ray_jobs.models.export import export_adapter, export_merged, export_tokenizer, export_whole
    from ray_jobs.sampling.inputs import max_lora_rank
    from w2s.graph.recipes import FineTune, Prefer
    from w2s.graph.trained import is_whole
    from w2s.report.exports.cards import ModelCard, model_card

    assert isinstance(step.recipe, FineTune | Prefer)
    base, base_path, rank = step.recipe.model, "", 0
    adapter = None if is_whole(step["model"]) else trained_adapter(store, step["model"])
    if adapter is None:
        export_whole(store, step["model"], folder)
    elif merge:
        export_merged(adapter, base, folder)
    else:
        base_path = export_adapter(store, step["model"], base, folder, final)
        rank = max_lora_rank(int(json.loads((folder / "adapter_config.json").read_bytes())["r"]))
    first_ids = export_tokenizer(base, folder, experiment.greedy.max_tokens)
    figures, problems = _figures(steps, step, store)
    versions = finished_manifest(step, store).versions
    card = ModelCard(
        step, base, base_path, first_ids, experiment.greedy.max_tokens, experiment.name, figures, problems, versions,
        rank,
    )  # fmt: skip
    (folder / "README.md").write_text(model_card(card), encoding="utf-8")


def _figures(steps: "Sequence[Step]", step: "Step", store: "Store") -> tuple[dict[str, Any] | None, int]:
    """The model's row in the report and the number of test problems; (None, 0) where there is no report yet."""
    from w2s.graph.trained import trained_model

    report = steps[-1]
    if store.manifest(report) is None:
        return None, 0
    document = store.document(report["report"])
    trained = {one.report_name: trained_model(one) for one in steps if one.report_name}
    names = {name for name, table in trained.items() if table is not None and table.step.directory == step.directory}
    return next((row for row in document["models"] if row["model"] in names), None), document["problems"]


def _write_data(experiment: "Experiment", step: "Step", store: "Store", folder: Path) -> None:
    from w2s.graph.contents import record_of
    from w2s.records import PreferencePair, SFTExample
    from w2s.report.exports.cards import data_card
    from w2s.report.exports.datasets import dataset_info, files

    records: dict[str, Any] = {name: record_of(step[name]) for name in step.recipe.tables}
    tables: dict[str, Any] = {name: one for name, one in records.items() if one in (SFTExample, PreferencePair)}
    rows: dict[str, list[Any]] = {name: store.records(step[name], record) for name, record in tables.items()}
    for name, table in rows.items():
        for path, data in files(name, table, experiment.strong.prompt).items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(data)
    (folder / "llama-factory" / "dataset_info.json").write_bytes(dataset_info(tables))
    counts = {name: len(table) for name, table in rows.items()}
    card = data_card(step, experiment.name, counts, finished_manifest(step, store).counts)
    (folder / "README.md").write_text(card, encoding="utf-8")
