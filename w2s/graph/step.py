"""A step: a recipe, named input tables and the directory their fingerprint names."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from w2s.graph.fingerprint import stable
from w2s.recipe import Model, Recipe, Source


@dataclass(frozen=True)
class Table:
    """One output of a step: a table of records, or its `model`."""

    step: "Step"
    name: str


@dataclass(frozen=True)
class Step:
    """What one directory of the store holds and what it is made from.

    `inputs` are (role, table) in a fixed order; a role may not stand twice. The job that runs a step sees these tables and no
    others, so what a step may know is written in the graph.
    """

    name: str
    recipe: Recipe
    inputs: tuple[tuple[str, Table], ...] = ()
    report_name: str = field(default="", compare=False)
    """The model's name in the report, on steps whose completions are scored."""

    def __getitem__(self, table: str) -> Table:
        return Table(self, table)

    def input(self, role: str) -> Table | None:
        """The table in `role`, or None."""
        return dict(self.inputs).get(role)

    @property
    def kind(self) -> str:
        """The recipe's type in lower case; steps of one kind are run by one job."""
        return type(self.recipe).__name__.lower()

    @cached_property
    def fingerprint(self) -> str:
        """Hash of recipe, version and inputs, 64 hex digits; the step's name, report_name and location are no part of it.

        Raises TypeError where a recipe holds a value that has no stable text.
        """
        inputs = {role: [table.step.fingerprint, table.name] for role, table in self.inputs}
        text = json.dumps({"recipe": stable(self.recipe), "inputs": inputs}, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def directory(self) -> str:
        """The step's directory, relative to the store."""
        return f"steps/{self.kind}-{self.fingerprint[:16]}"

    @cached_property
    def _open(self) -> tuple[Model | Source, ...]:
        found = [value for value in _within(self.recipe) if value.revision is None]
        for _, table in self.inputs:
            found.extend(table.step._open)
        return tuple(dict.fromkeys(found))


def step(name: str, recipe: Recipe, report_name: str = "", /, **inputs: Table | None) -> Step:
    """A step from keyword inputs; a None input is left out."""
    return Step(name, recipe, tuple((role, table) for role, table in inputs.items() if table is not None), report_name)


def with_upstream(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps and everything they need, each once, inputs before what reads them."""
    ordered: dict[str, Step] = {}

    def visit(one: Step) -> None:
        if one.name in ordered:  # paths through a graph of many rounds are beyond number, steps are not
            return
        for _, table in one.inputs:
            visit(table.step)
        ordered[one.name] = one

    for one in steps:
        visit(one)
    return tuple(ordered.values())


def open_revisions(step: Step) -> list[Model | Source]:
    """Models and sources under a step's recipe whose revision is not known yet; its fingerprint is not final while there are any."""
    return list(step._open)  # pyright: ignore[reportPrivateUsage]


def _within(value: Any) -> Iterator[Model | Source]:
    """The models and sources of a recipe."""
    if isinstance(value, Model | Source):
        yield value
    elif isinstance(value, Recipe):
        for item in value.identity().values():
            yield from _within(item)
