"""What the report reads of a store: finished steps and their tables.

Protocols, because w2s/report and w2s/store do not import each other; ray_jobs/selection/report.py has the store.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

from w2s.graph.step import Table


class Finished(Protocol):
    """A step's manifest, as far as the report reads it."""

    @property
    def counts(self) -> Mapping[str, float]:
        """Everything dropped, truncated, failed or undecided, and the step's own measures."""
        ...

    @property
    def rows(self) -> Mapping[str, int]:
        """Rows of each table of records."""
        ...

    @property
    def tables(self) -> Mapping[str, tuple[str, ...]]:
        """Table, document or model name -> paths of its files."""
        ...

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions of the libraries."""
        ...

    @property
    def code_commit(self) -> str:
        """The git commit of the code; empty if unknown."""
        ...

    @property
    def device_seconds(self) -> Mapping[str, float]:
        """Seconds that the step held devices, by their name; two devices for a second are two seconds."""
        ...

    @property
    def held_seconds(self) -> float:
        """Seconds in which it held them, however many."""
        ...

    @property
    def estimate(self) -> Mapping[str, float]:
        """What the run expected of the step before it began; empty if it was not recorded."""
        ...

    @property
    def started(self) -> str:
        """UTC, ISO 8601."""
        ...

    @property
    def seconds(self) -> float:
        """From start to commit."""
        ...


class Source(Protocol):
    """Tables of finished steps."""

    @property
    def finished(self) -> Mapping[str, Finished]:
        """The finished steps by name, in the graph's order."""
        ...

    def document(self, table: Table) -> Any:
        """A JSON document."""
        ...

    def each(self, table: Table) -> Iterator[Any]:
        """The rows of a table, with one file in memory."""
        ...

    def of_problems(self, table: Table, problem_ids: Collection[str]) -> dict[str, list[Any]]:
        """The rows of some problems by id; of the table only the files that may hold them are read."""
        ...
