"""Which requests killed an engine: pure bookkeeping, no engine and no clock.

An engine that dies takes all requests in flight with it, and any of them may be why. The only proof is a death with one request
alone in flight. So after a death those in flight are suspects; they run again apart from all others, in groups, and a group whose
engine dies again runs one by one. A suspect that was alone in flight at two more deaths is guilty: of three deaths in which it had
a part, two had no other cause in the engine. Up to two kills from outside blame nobody.

With s suspects of which one kills, groups of sqrt(s) cost 4 restarts (all, its group, alone, alone) and about 2 sqrt(s) turns of
one group each. One by one from the start would save one restart and cost s turns; halving, up to log2(s) restarts. Groups
that live cost no restart, and their samples are kept.
"""

from collections import Counter, deque
from math import isqrt

DEATHS_ALONE = 2
"""Deaths at which a request was alone in flight that make it guilty."""


class Suspects:
    """Keys of requests: who may run now, and who is guilty."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.groups: deque[set[str]] = deque()
        """Suspects that are not cleared; only the first group may run."""
        self.guilty: set[str] = set()
        self.deaths_in_vain = 0
        """Deaths since a request was last finished or found guilty."""
        self._alone: Counter[str] = Counter()

    def may_run(self, key: str) -> bool:
        """Whether a request may be given to the engine now; without suspects all may."""
        return not self.groups or key in self.groups[0]

    def started(self, key: str) -> None:
        """A request is being given to the engine."""
        assert self.may_run(key), f"{key} started beside suspects"
        self.running.add(key)

    def finished(self, key: str) -> None:
        """The engine has answered a request: it is cleared."""
        self.deaths_in_vain = 0
        self.running.discard(key)
        self._alone.pop(key, None)
        self._leave(key)

    def died(self) -> None:
        """The engine died with what is in `running`."""
        self.deaths_in_vain += 1
        in_flight, self.running = self.running, set()
        if not self.groups:
            self.groups.extend(_split(in_flight, isqrt(len(in_flight))))
        elif len(in_flight) > 1:
            group = self.groups.popleft()
            waiting = group - in_flight  # of the same group, but not in the engine yet
            self.groups.extendleft(reversed([*_split(in_flight, 1), *([waiting] if waiting else [])]))
        else:
            for key in in_flight:
                self._alone[key] += 1
                self._leave(key)
                if self._alone[key] == DEATHS_ALONE:
                    self.guilty.add(key)
                    self.deaths_in_vain = 0
                else:
                    self.groups.append({key})  # once more, after all others

    def _leave(self, key: str) -> None:
        # Of whichever group: an answer may have been on its way when the engine died.
        self.groups = deque(rest for group in self.groups if (rest := group - {key}))


def _split(keys: set[str], size: int) -> list[set[str]]:
    """Groups of at most `size` keys; sorted, so that equal deaths make equal groups."""
    ordered = sorted(keys)
    return [set(ordered[i : i + size]) for i in range(0, len(ordered), max(1, size))]
