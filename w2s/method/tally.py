"""Counts that add up: those of any parts of a table, added, are those of the whole."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

Path = tuple[str, ...]


class Tally(defaultdict[Path, float]):
    """Numbers by path: a section's name and the names within it, as they will stand in the report."""

    def __init__(self, items: Iterable[tuple[Path, float]] = ()) -> None:
        super().__init__(float, items)

    def count(self, *path: str, by: float = 1) -> None:
        """Add to a number; 0 makes it appear."""
        self[path] += by

    def share(self, *path: str, of: float, all: float = 1) -> None:
        """Add `of` to a share's numerator and `all` to its denominator."""
        self[*path, "numerator"] += of
        self[*path, "denominator"] += all

    def bin(self, section: str, name: str, of: Iterable[str]) -> None:
        """Add one to a bin; all bins of the section appear, in the order given."""
        for one in of:
            self.count(section, one, by=one == name)

    def mean(self, *path: str, value: float) -> None:
        """Add a value to a mean."""
        self[*path, "sum"] += value
        self[*path, "count"] += 1

    def add(self, other: "Tally") -> None:
        """Add another part's numbers."""
        for path, value in other.items():
            self[path] += value

    def section(self, *path: str) -> dict[str, float]:
        """Numbers right under `path`, by name."""
        return {key[-1]: value for key, value in self.items() if key[:-1] == path}

    def nested(self) -> dict[str, Any]:
        """A JSON value: mappings by name; shares are {numerator, denominator}, means {sum, count}; whole numbers are ints.

        Others are rounded to 6 digits, so that the order in which parts were added does not show.
        """
        found: dict[str, Any] = {}
        for path, value in self.items():
            place = found
            for name in path[:-1]:
                place = place.setdefault(name, {})
            rounded = round(value, 6)
            place[path[-1]] = int(rounded) if float(rounded).is_integer() else rounded
        return found
