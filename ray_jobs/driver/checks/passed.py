"""Which models have passed their checks on this node, so that the next run need not make them without weights."""

from dataclasses import asdict

from ray_jobs import models
from ray_jobs.driver import checks
from ray_jobs.driver.checks.model import Use, check_model, folder_of
from ray_jobs.runtime.versions import code_hash, versions
from w2s.data.location import fact_file, remember
from w2s.recipe import Model


def check_unless_passed(role: str, model: Model, use: Use, gpus_per_engine: int) -> None:
    """`check_model`, unless the same files have passed it for the same use, with the same libraries and checks: then
    only that they can still be had.

    Raises ValueError as `check_model` does; a refusal is not remembered.
    """
    assert model.revision is not None, "the run names the files of each model before it checks them"
    facts = {
        "model": model.model_dump(mode="json"),  # with the revision of its files
        "use": asdict(use) | {"targets": sorted(use.targets)},
        "gpus_per_engine": gpus_per_engine,
        "versions": versions(),
        "code": code_hash(checks, models),
    }
    passed = fact_file("passed", facts)
    if passed.is_file():
        folder_of(role, model)
        return
    check_model(role, model, use, gpus_per_engine)
    remember(passed, "")
