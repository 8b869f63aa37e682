"""The report of many completions, and its bootstrap alone: seconds, and memory.

python -m tests.benchmarks.report [COMPLETIONS]     default: 100000, of twelve models

The store is made up: a model is right on more problems the further it is down the list, blocks have 100 problems. The
time is that of the report step: reading, scores, intervals, examples, charts and both files. The bootstrap is 10,000
draws over 7,000 problems and 12 models: accuracies, PGRs and differences. Exits with 1 where a limit is passed.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.unit.cli.small_run import commit, steps_of, tables_of
from w2s.graph.recipes import Report
from w2s.graph.step import Step
from w2s.records import Completion, Problem, Reference, Score
from w2s.report.document import build
from w2s.seed import derived_seed
from w2s.store.attempt import Attempt, put
from w2s.store.store import Store
from w2s.store.tables import parquet_bytes

COMPLETIONS = 100_000
PROBLEMS_PER_BLOCK = 100
SECONDS, GB, BOOTSTRAP_SECONDS = 20, 1.5, 10
TEXT = "Natalia has {0} boxes of 12 items, gives some of them away and counts again. " * 3 + "\n#### {0}"


def scored(models: list[str], problems: int) -> Iterator[Score]:
    """Verdicts: the last model is right on 95 of 100 problems, the first on 40."""
    for number in range(problems):
        for place, model in enumerate(models):
            right = derived_seed(1, model, number) % 100 < 40 + 55 * place / len(models)
            verdict, reason = ("right", "") if right else ("wrong", "differs")
            yield Score(f"test-{number:06d}", model, str(number), verdict, reason, level=str(number % 5))


def make(folder: str, completions: int) -> None:
    """A finished run but for its report."""
    store = Store.at(folder)
    problems = steps_of(store)[0]
    models = models_of(steps_of(store)[-1])
    count = completions // len(models)
    small = tables_of(problems, {})
    ids = [f"test-{number:06d}" for number in range(count)]
    small["test"] = [Problem(one, TEXT.format(one), level=str(n % 5)) for n, one in enumerate(ids)]
    small["test_references"] = [Reference(one, "1", "#### 1") for one in ids]
    commit(store, problems, small)
    steps = {step.name: step for step in steps_of(store)}
    for name, step in steps.items():
        if step.report_name:
            sample(store, step, ids)
        elif step.kind == "grade":
            commit(store, step, {"scores": list(scored(models, count))})
        elif name not in ("problems", "report"):
            commit(store, step, tables_of(step, steps))


def sample(store: Store, step: Step, ids: list[str]) -> None:
    """One model's answers to the test split, in blocks."""
    attempt = Attempt(store, step)
    for block in range(0, len(ids), PROBLEMS_PER_BLOCK):
        rows = [
            Completion(one, 0, "m", TEXT.format(one), "stop", 80, 90, 1)
            for one in ids[block : block + PROBLEMS_PER_BLOCK]
        ]
        path = f"blocks/{block // PROBLEMS_PER_BLOCK:06d}.parquet"
        file = put(store.objects, step.directory, path, parquet_bytes(rows, Completion))
        attempt.include("completions", file, len(rows))
    attempt.counts.update(
        completions=len(ids), problems=len(ids), truncated=0, failed=0, completion_tokens=90 * len(ids)
    )
    attempt.commit({})


def models_of(report: Step) -> list[str]:
    graded = dict(report.inputs)["scores"].step
    return [role for role, _ in graded.inputs if role not in ("problems", "references")]


def time_report(folder: str) -> None:
    """The report step in this process, without importing Ray, as a driver has done that before."""
    from ray_jobs.selection.report import report_document
    from w2s.report.page import html

    began = time.perf_counter()
    store = Store.at(folder)
    report = steps_of(store)[-1]
    document = report_document(report, store, None)
    middle = time.perf_counter()
    page = html(document)
    seconds, ended = time.perf_counter() - began, time.process_time()
    gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    total = sum(row["total"] for row in document["models"])
    parts = f"{middle - began:.1f} s figures, {seconds - middle + began:.1f} s a page of {len(page) / 1e6:.2f} MB"
    used = f"{ended:.1f} s of processor time, {gb:.2f} GB"
    print(f"{total} completions of {len(document['models'])} models: {seconds:.1f} s ({parts}), {used}", flush=True)
    if seconds > SECONDS or gb > GB:
        sys.exit(f"over the limits of {SECONDS} s and {GB} GB")


def time_bootstrap() -> float:
    """Seconds of `build` over 7,000 problems and 12 models."""
    models = ["weak_floor", "weak_icl", "full_weak_ft", "full_icl_ft", "weak_ft_1", "icl_ft_1", "hybrid_ft_1"]
    models += ["weak_ft_2", "hybrid_ft_2", "dpo", "orpo", "ceiling"]
    rows = list(scored(models, 7000))
    recipe = Report(experiment="e", description="", bootstrap_draws=10_000)
    began = time.perf_counter()
    built = build(recipe, rows, models, {}, {}, {}, {})
    seconds = time.perf_counter() - began
    print(f"10,000 draws over 7,000 problems x {len(built['models'])} models: {seconds:.1f} s")
    return seconds


def main() -> None:
    if sys.argv[1:2] == ["--time"]:
        return time_report(sys.argv[2])
    completions = int(sys.argv[1]) if sys.argv[1:] else COMPLETIONS
    with tempfile.TemporaryDirectory() as scratch:
        folder = str(Path(scratch) / "store")
        make(folder, completions)
        code = subprocess.run([sys.executable, "-m", "tests.benchmarks.report", "--time", folder]).returncode
    sys.exit(code or int(time_bootstrap() > BOOTSTRAP_SECONDS))


if __name__ == "__main__":
    main()
