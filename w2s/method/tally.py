"""Counts that add up: the tallies of all shards of a table, added, are the tally of the whole table.

A share or a mean therefore keeps numerator and denominator; the report divides.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

Path = tuple[str, ...]


class Tally(defaultdict[Path, float]):
    """Numbers by path: a section of the report, then the names within it."""

    def __init__(self, items: Iterable[tuple[Path, float]] = ()) -> None:
        super().__init__(float, items)

    def count(self, *path: str, by: float = 1) -> None:
        """Add to a number; `by=0` makes it appear."""
        self[path] += by

    def share(self, *path: str, of: float, all: float = 1) -> None:
        """Add `of` to a share's numerator and `all` to its denominator."""
        self[*path, "numerator"] += of
        self[*path, "denominator"] += all

    def bin(self, section: str, name: str, of: Iterable[str]) -> None:
        """Add one to the bin `name`; all bins `of` the section appear, in the given order."""
        for each in of:
            self.count(section, each, by=each == name)

    def mean(self, *path: str, value: float) -> None:
        """Add a value to a mean."""
        self[*path, "sum"] += value
        self[*path, "count"] += 1

    def add(self, other: "Tally") -> None:
        """Add the numbers of another shard."""
        for path, value in other.items():
            self[path] += value

    def section(self, *path: str) -> dict[str, float]:
        """Numbers right under `path`, by name."""
        return {key[-1]: value for key, value in self.items() if key[:-1] == path}

    def nested(self) -> dict[str, Any]:
        """A JSON value of nested mappings; shares are {numerator, denominator}, means {sum, count}, whole numbers ints.

        Other numbers are rounded to 6 digits, so that the order in which shards were added does not show.
        """
        root: dict[str, Any] = {}
        for path, value in self.items():
            section = root
            for name in path[:-1]:
                section = section.setdefault(name, {})
            rounded = round(value, 6)
            section[path[-1]] = int(rounded) if float(rounded).is_integer() else rounded
        return root
