"""Compares the store of a job that met faults with the store of the same work without faults."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ray_jobs.selection.report import report_document
from tests.chaos.figures import Run
from tests.chaos.jobs.job import Work
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step
from w2s.records import Completion, Problem
from w2s.report.document.details import OF_THE_RUN
from w2s.store.store import Store

WEIGHTS_TOLERANCE = 1e-5
"""Largest allowed difference of an adapter weight from the reference run; weights have a size of 0.01 to 0.1."""

LOSS_TOLERANCE = 1e-4
"""Largest allowed difference of a loss from the reference run's."""


def check(run: Run, work: Work, store: Store, reference: Store, poisoned: Collection[str] = ()) -> None:
    """Read every committed file of the work's steps, and record in `run` all rows that are missing, duplicated or
    different.

    Exactly the problems in `poisoned` must have failed, each with a reason.
    """
    for step in work.steps(store):
        try:
            _check_step(run, step, store, reference, poisoned)
        except (OSError, ValueError) as error:
            run.wrong.append(f"{step.name}: {error}")
    if not poisoned and not run.wrong:
        run.wrong += list(report_differences(work, store, reference))


def report_differences(work: Work, store: Store, reference: Store) -> Iterator[str]:
    """Where the reports of what is finished in two stores differ, apart from how the work was run.

    Losses may differ like the weights they come from.
    """
    ours, theirs = (report_document(work.every_step(side)[-1], side, None) for side in (store, reference))
    for side in (ours, theirs):  # a reference run may be an earlier day's
        del side["provenance"]["commits"], side["provenance"]["versions"]
    for name in [name for name in theirs if name not in OF_THE_RUN]:
        left, right = (json.dumps(side[name], sort_keys=True) for side in (ours, theirs))
        same = _close(ours[name], theirs[name]) if name in ("losses", "counts") else left == right
        if not same:
            yield f"the report's {name} differ: {left[:300]} and not {right[:300]}"


def _close(ours: Any, theirs: Any) -> bool:
    """Whether two JSON values are equal but for small differences of fractions."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_close(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(_close(*pair) for pair in zip(ours, theirs, strict=True))
    if isinstance(ours, float) and isinstance(theirs, float):
        return abs(ours - theirs) <= LOSS_TOLERANCE
    return ours == theirs


def _check_step(run: Run, step: Step, store: Store, reference: Store, poisoned: Collection[str]) -> None:
    manifest = store.manifest(step)
    if manifest is None:
        run.wrong.append(f"{step.name} has no manifest")
        return
    for file in manifest.files:
        data = store.objects.read(store.objects.path(step.directory, file.path))
        if len(data) != file.bytes or hashlib.sha256(data).hexdigest() != file.sha256:
            run.wrong.append(f"{step.directory}/{file.path} differs from its manifest")
    if isinstance(step.recipe, Sample):
        _check_samples(run, step, store, reference, poisoned)
    elif isinstance(step.recipe, FineTune | Prefer):
        _check_adapter(run, step, store, reference)
    else:
        _check_tables(run, step, store, reference)


def _check_samples(run: Run, step: Step, store: Store, reference: Store, poisoned: Collection[str]) -> None:
    assert isinstance(step.recipe, Sample)
    rows = store.records(step["completions"], Completion)
    found = Counter((row.problem_id, row.sample) for row in rows)
    wanted = {
        (problem.problem_id, i)
        for problem in store.inputs(step, "problems", Problem)
        for i in range(step.recipe.sampling.n)
    }
    run.rows += len(wanted)
    run.rows_lost += len(wanted - found.keys())
    run.rows_duplicated += sum(found.values()) - len(found)
    if found.keys() - wanted:
        run.wrong.append(f"{step.name} has rows of unknown problems: {sorted(found.keys() - wanted)[:3]}")
    failed = {row.problem_id for row in rows if row.finish_reason == "error" and row.error}
    if failed ^ set(poisoned):
        run.wrong.append(
            f"{step.name}: failed without poison or poisoned without failing: {sorted(failed ^ set(poisoned))[:5]}"
        )
    if step.recipe.sampling.temperature == 0:
        texts = {
            (row.problem_id, row.sample): (row.text, row.finish_reason)
            for row in reference.records(step["completions"], Completion)
        }
        others = [row for row in rows if row.problem_id not in poisoned]
        run.rows_different += sum(
            texts.get((row.problem_id, row.sample)) != (row.text, row.finish_reason) for row in others
        )


def _check_adapter(run: Run, step: Step, store: Store, reference: Store) -> None:
    difference = adapter_difference(step, store, reference)
    if not difference <= WEIGHTS_TOLERANCE:
        run.wrong.append(f"{step.name}: a weight differs by {difference:.2g} from the reference run's")


def adapter_difference(step: Step, store: Store, reference: Store) -> float:
    """Largest absolute difference between the adapters that two stores have of one step."""
    from safetensors.torch import load

    ours, theirs = (load(_weights(step, side)) for side in (store, reference))
    assert ours.keys() == theirs.keys()
    return max(float((ours[name] - theirs[name]).abs().max()) for name in ours)


def _weights(step: Step, store: Store) -> bytes:
    (file,) = [file for file in store.files(step["model"]) if file.path.endswith(".safetensors")]
    return store.read_file(step.directory, file)


def _check_tables(run: Run, step: Step, store: Store, reference: Store) -> None:
    manifest = store.manifest(step)
    assert manifest is not None
    for name, count in manifest.rows.items():
        rows, expected = _rows(step, name, store), _rows(step, name, reference)
        run.rows += count
        run.rows_lost += max(0, count - len(rows))
        ours, theirs = (Counter(map(str, some)) for some in (rows, expected))
        run.rows_different += sum((theirs - ours).values())
        run.rows_duplicated += sum((ours - theirs).values())


def _rows(step: Step, name: str, store: Store) -> list[dict[str, object]]:
    files = [store.read_file(step.directory, file) for file in store.files(step[name])]
    tables = [pq.ParquetFile(io.BytesIO(data)).read() for data in files]
    return [row for table in tables for row in table.to_pylist()]


def uncommitted(work: Work, store: Store) -> list[str]:
    """Files of the work's steps that are in no manifest, because the driver that wrote them did not finish the step."""
    found: list[str] = []
    for step in work.steps(store):
        manifest = store.manifest(step)
        committed = {"manifest.json"} | ({file.path for file in manifest.files} if manifest else set())
        folder = Path(store.objects.path(step.directory))
        files = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
        found += [f"{step.directory}/{path}" for path in files if path not in committed | {"blocks/plan.json"}]
    return found
