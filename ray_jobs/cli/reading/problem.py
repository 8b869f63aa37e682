"""`w2s show --problem ID`: reads the rows of one problem from all finished steps and prints its story."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

from w2s.graph.contents import record_of
from w2s.graph.step import Step, Table
from w2s.recipe import SPLITS, Experiment
from w2s.records import Duplicate, Problem
from w2s.report.story.story import Rows, tell
from w2s.report.story.text import lines
from w2s.store.shards import rows_of_problem
from w2s.store.store import Store


def print_problem(problem_id: str, experiment: Experiment, steps: Sequence[Step], store: Store, as_json: bool) -> None:
    """Print the story of a problem, one for each split that has its id.

    Raises ValueError if no split has it, or the problems are not there yet.
    """
    finished = {name for name, manifest in store.manifests(steps).items() if manifest is not None}
    problems = steps[0]
    if problems.name not in finished:
        raise ValueError(f"the problems of {experiment.name} are not in {store.objects.url} yet: start `w2s run` first")

    @cache
    def rows(table: Table) -> list[Any]:
        record = record_of(table)
        assert record is not None, "stories are told of tables with rows"
        return rows_of_problem(store, table, problem_id, record)

    found: list[tuple[str, Problem]] = [(split, row) for split in SPLITS for row in rows(problems[split])]
    if not found:
        raise ValueError(_absence(problem_id, problems, rows, store))
    for number, (split, problem) in enumerate(found):
        story = tell(steps, finished, rows, split, problem, experiment.answers)
        if as_json:
            print(json.dumps(asdict(story), ensure_ascii=True))
        else:
            print("\n".join(["", ""][: number * 2] + lines(story)))


def _absence(problem_id: str, problems: Step, rows: Rows, store: Store) -> str:
    """What is said of an unknown problem id: why no split has it, and how an id looks."""
    removed: list[Duplicate] = rows(problems["duplicates"])
    if removed:
        why = f"it was left out of {removed[0].split} because {removed[0].other_id} of {removed[0].other_split}"
        return f"no split has the problem {problem_id!r}: {why} asks the same"
    example = next((row.problem_id for row in store.each_record(problems["train_2"], Problem)), "none")
    return f"no split has the problem {problem_id!r}; an id of train_2 is {example!r}"
