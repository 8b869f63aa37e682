"""A step: one recipe, its named input tables, and the store directory that the hash of both names.

Equal work has an equal fingerprint, whatever the step is called, so a store never computes it twice.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from w2s.errors import closest
from w2s.graph.directory import step_directory
from w2s.graph.fingerprint import stable
from w2s.recipe import Model, Recipe, Source, StepRecipe

Role = Literal["strong", "weak"]
"""Which of an experiment's two models a step samples from or trains; a step of neither has the first."""


@dataclass(frozen=True)
class Table:
    """One output of a step: a table of records, a JSON document, or the files of a `model`."""

    step: "Step"
    name: str

    @property
    def content(self) -> str:
        """The hash of its rows where the recipe of its step tells tables by content and the hash is known, else ''."""
        return dict(self.step.contents).get(self.name, "")

    @property
    def identity(self) -> list[str]:
        """What the fingerprint of a reader says of it: its rows, or the step that writes it and its name."""
        return [self.content] if self.content else [self.step.fingerprint, self.name]


@dataclass(frozen=True)
class Step:
    """One node of the graph, and one directory of the store.

    `inputs` are (role, table) in a fixed order; each role occurs once. A step's job reads these tables and no others,
    so the graph shows everything that a step may know.
    """

    name: str
    recipe: StepRecipe
    inputs: tuple[tuple[str, Table], ...] = ()
    report_name: str = field(default="", compare=False)
    """The model's name in the report; empty for a step whose completions are not scored."""
    role: Role = field(default="strong", compare=False)
    """Whose sizes of the resources it takes (ray_jobs/resources/resources.py). The weak model of an experiment has its
    own unless it is the strong one too, because steps that share a base share its engines and workers."""
    contents: tuple[tuple[str, str], ...] = field(default=(), compare=False, repr=False)
    """(table, hash of its rows) of the tables in the recipe's `by_content`; empty until the step is finished or its
    rows were read (w2s/store/revisions.py)."""

    @property
    def settings(self) -> str:
        """The experiment's field that holds the settings of a training or sampling step, for errors: `weak_sft`, `sft`,
        `dpo` or `orpo`; `greedy`, `icl_sampled` or `sampled`."""
        if self.kind == "sample":
            if self.name in ("sampled", "more_samples"):
                return "sampled"
            if not self.name.endswith("_samples"):
                return "greedy"
            return "sampled" if self.name.startswith("test_") else "icl_sampled"  # those of `w2s eval` are on its test
        if self.name.startswith("weak_") and self.name.endswith("_sft"):  # a half's and another member's too
            return "weak_sft"
        return self.name if self.name in ("dpo", "orpo") else "sft"

    def __getitem__(self, table: str) -> Table:
        """The output named `table`.

        Raises ValueError where the recipe does not write it: a misspelt input is refused when the graph is built.
        """
        if table not in self.recipe.tables:
            tables = self.recipe.tables
            raise ValueError(
                f"step {self.name} ({self.kind}) writes no table {table!r}{closest(table, tables)}: "
                f"its tables are {', '.join(tables)}"
            )
        return Table(self, table)

    def input(self, role: str) -> Table | None:
        """The table in `role`, or None."""
        return dict(self.inputs).get(role)

    @property
    def kind(self) -> str:
        """The recipe's type in lower case; one job runs all steps of a kind."""
        return type(self.recipe).__name__.lower()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of recipe, version and inputs, 64 hex digits; the names of the step and of its model do not count.

        Raises TypeError where a recipe holds a value that has no stable text.
        """
        inputs = {role: table.identity for role, table in self.inputs}
        text = json.dumps({"recipe": stable(self.recipe), "inputs": inputs}, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def directory(self) -> str:
        """The step's directory, relative to the store."""
        return step_directory(self.kind, self.fingerprint)

    @cached_property
    def open_revisions(self) -> tuple[Model | Source, ...]:
        """Models and sources, of this step and of its inputs, without a known revision; with any, `fingerprint` may
        change."""
        unknown = [value for value in _models_and_sources(self.recipe) if value.revision is None]
        for _, table in self.inputs:
            unknown.extend(table.step.open_revisions)
        return tuple(dict.fromkeys(unknown))

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """Names of the steps above whose contents are not known yet; with any, `fingerprint` will change."""
        names: list[str] = []
        for _, table in self.inputs:
            is_unread = table.name in table.step.recipe.by_content and not table.content
            names += [*([table.step.name] if is_unread else []), *table.step.unread]
        return tuple(dict.fromkeys(names))


def step(name: str, recipe: StepRecipe, report_name: str = "", /, **inputs: Table | None) -> Step:
    """A step from keyword inputs; an input of None is left out."""
    return Step(name, recipe, tuple((role, table) for role, table in inputs.items() if table is not None), report_name)


def with_upstream(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps and all steps above them, each once, every step after its inputs."""
    ordered: dict[str, Step] = {}

    def visit(step: Step) -> None:
        if (
            step.name in ordered
        ):  # the number of paths doubles with every round of stage I, the number of steps does not
            return
        for _, table in step.inputs:
            visit(table.step)
        ordered[step.name] = step

    for step in steps:
        visit(step)
    return tuple(ordered.values())


def _models_and_sources(value: Any) -> Iterator[Model | Source]:
    """The models and sources in a recipe, at any depth."""
    if isinstance(value, Model | Source):
        yield value
    elif isinstance(value, Recipe):
        for item in value.identity().values():
            yield from _models_and_sources(item)
