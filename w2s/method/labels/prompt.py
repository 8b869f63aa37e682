"""Whether M labels train_2 better with the weak model's demonstrations or without them, told without gold.

Demonstrations show M what is asked, and the weak model's errors. Of two prompts, the one under which M's samples of a
problem agree more is the better teacher: where the demonstrations teach a habit, M is unsure without them, and where
half of them are wrong, it is less sure with them (measured in docs/results.md).
"""

from dataclasses import dataclass

from w2s.method.labels.trust import consistency_of
from w2s.method.tally import Tally


@dataclass(frozen=True, slots=True)
class Consistency:
    """The mean vote share of M's majorities under each prompt, in 0..1."""

    demonstrations: float
    plain: float

    @property
    def prefers_plain(self) -> bool:
        """Whether M labels without demonstrations; where both are equal, too: the prompt is shorter."""
        return self.plain >= self.demonstrations


def consistency_under(demonstrations: Tally, plain: Tally) -> Consistency:
    """The consistency from the counts of all shards under each prompt; see `majority.label_problems`."""
    return Consistency(consistency_of(demonstrations), consistency_of(plain))
