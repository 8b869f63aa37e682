"""Finds the requests that kill an engine: pure bookkeeping, without an engine or a clock.

A dying engine takes all requests in flight with it, and any of them may be the reason. Only a death with a single
request in flight proves anything. So after a death the requests in flight are suspects. They run again apart from all
others, in groups, and a group whose engine dies again runs one by one. A suspect that was alone in flight at two more
deaths is guilty: at two of its three deaths no other request was in the engine. Up to two kills from outside blame no
request.

With s suspects and one killer among them, groups of sqrt(s) cost 4 deaths (all, the killer's group, alone, alone) and
about 2 sqrt(s) turns. One by one from the start would save one death and cost s turns; halving would cost up to log2(s)
deaths. A group that lives costs none, and its samples are kept.
"""

from collections import Counter, deque
from math import isqrt

DEATHS_ALONE = 2
"""A request is guilty after this many deaths of the engine with no other request in flight."""


class Suspects:
    """Decides, by key, which requests may run now and which are guilty."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.groups: deque[set[str]] = deque()
        """Suspects that are not cleared yet; only the first group may run."""
        self.guilty: set[str] = set()
        self.deaths_in_vain = 0
        """Deaths since the last request was finished or found guilty."""
        self._alone: Counter[str] = Counter()

    def may_run(self, key: str) -> bool:
        """Whether the engine may get a request now; without suspects it may get any."""
        return not self.groups or key in self.groups[0]

    def started(self, key: str) -> None:
        """Record that the engine gets a request."""
        assert self.may_run(key), f"{key} started beside suspects"
        self.running.add(key)

    def finished(self, key: str) -> None:
        """Record that the engine has answered a request, which clears it."""
        self.deaths_in_vain = 0
        self.running.discard(key)
        self._alone.pop(key, None)
        self._leave(key)

    def withdrawn(self, key: str) -> None:
        """Record that the engine has given up a request before its end, because its step has failed."""
        self.running.discard(key)
        self._leave(key)

    def died(self) -> None:
        """Record that the engine died with the requests in `running`."""
        self.deaths_in_vain += 1
        in_flight, self.running = self.running, set()
        if not self.groups:
            self.groups.extend(_split(in_flight, isqrt(len(in_flight))))
        elif len(in_flight) > 1:
            group = self.groups.popleft()
            waiting = group - in_flight  # in the group, but not in the engine yet
            self.groups.extendleft(reversed([*_split(in_flight, 1), *([waiting] if waiting else [])]))
        else:
            for key in in_flight:
                self._alone[key] += 1
                self._leave(key)
                if self._alone[key] == DEATHS_ALONE:
                    self.guilty.add(key)
                    self.deaths_in_vain = 0
                else:
                    self.groups.append({key})  # it runs once more, after all others

    def _leave(self, key: str) -> None:
        # From any group, because an answer may have been under way when the engine died.
        self.groups = deque(rest for group in self.groups if (rest := group - {key}))


def _split(keys: set[str], size: int) -> list[set[str]]:
    """Groups of at most `size` keys; sorted, so that equal deaths make equal groups."""
    ordered = sorted(keys)
    return [set(ordered[i : i + size]) for i in range(0, len(ordered), max(1, size))]
