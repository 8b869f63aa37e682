"""Draws problems with traps, which are statements that are easily misread, and the documents that bases learn from.

A *trap* has a right and a wrong reading. A document's writer takes the wrong one the more often, the more careless the
writer is and the more tempting the trap's wording. So two models that learned from careless writers agree on wrong
answers. Rarely a careless writer also skips a step, takes one twice, or slips in arithmetic.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from w2s.data.worlds.draws import Made, distinct, drafts, generator

STYLES: Final = {"worked": 0.92, "guess": 0.03, "chat": 0.05}
TRAPS: Final = 0.5
"""Share of events that can be misread."""
LARGEST: Final = 40
"""No number of a right solution is larger; in a wrong one none has three digits."""
SLIPS: Final = 0.04
"""How often the most careless writer slips in a step's arithmetic; skips and repeats are half as frequent each."""


class Reading(NamedTuple):
    """How the number changes by one event; `k` times `j` is worked out first where `factors` are given."""

    sign: str
    operand: int
    factors: tuple[int, int] | None = None


class Event(NamedTuple):
    """One sentence, its right reading and its wrong one; None leaves the number as it is."""

    sentence: str
    right: Reading | None
    wrong: Reading | None
    tempting: float = 0.0
    """Log odds of the wrong reading, added to the writer's; meaningless where both readings are equal."""


class Draft(NamedTuple):
    """A problem before it is solved."""

    question: str
    start: int
    events: tuple[Event, ...]
    answer: str = "{value}"
    """The final answer, of `value` and `start`."""
    last: Reading | None = None
    """What the question asks to do with the number at last."""
    remark: str = "It must be {value}."
    """A way to answer without a final answer, of `value`."""


def fits(value: int, event: Event) -> bool:
    """Whether both readings of an event leave a number of 1 to LARGEST."""
    return all(0 < change(value, reading) <= LARGEST for reading in (event.right, event.wrong))


def change(value: int, reading: Reading | None) -> int:
    """The number after an event that is read so."""
    if reading is None:
        return value
    sign, operand, _ = reading
    return {"+": value + operand, "-": value - operand, "*": value * operand, "/": value // operand}[sign]


def events(rng: random.Random, start: int, plain: Callable[[int], Event], trap: Callable[[], Event]) -> list[Event]:
    """One to three events that fit; half of them are traps. `plain` is given the number before the event."""
    value, found = start, list[Event]()
    count = rng.randint(1, 3)
    while len(found) < count:
        event = trap() if rng.random() < TRAPS else plain(value)
        if fits(value, event):
            value = change(value, event.right)
            found.append(event)
    return found


def outcome(start: int, found: Sequence[Event]) -> int:
    """The number after all events, rightly read."""
    for event in found:
        start = change(start, event.right)
    return start


def solve(draft: Draft, readings: Sequence[Reading | None], slips: Sequence[int] = ()) -> tuple[str, list[int]]:
    """The solution that follows from one reading an event, and the numbers on its way; `slips` are added to results."""
    value, equations, values = draft.start, list[str](), [draft.start]
    for index, reading in enumerate(readings):
        if reading is None:
            continue
        slip = slips[index] if index < len(slips) else 0
        if reading.factors:
            k, j = reading.factors
            equations.append(f"{k} * {j} = {reading.operand}.")
        result = change(value, reading) + slip
        equations.append(f"{value} {reading.sign} {reading.operand} = {result}.")
        value = result
        values.append(value)
    if draft.last:
        result = change(value, draft.last)
        equations.append(f"{value} {draft.last.sign} {draft.last.operand} = {result}.")
        value = result
        values.append(value)
    answer = draft.answer.format(value=value, start=draft.start)
    return f"{' '.join(equations)}\n#### {answer}".lstrip(), values


def right(draft: Draft) -> tuple[str, list[int]]:
    """The right solution, and the numbers on its way."""
    return solve(draft, [event.right for event in draft.events])


def worked(rng: random.Random, draft: Draft, degree: float) -> str:
    """A writer's solution: `degree` (0..1) is the chance of misreading a trap of no special temptation."""
    odds = math.log(degree / (1 - degree)) if degree else -math.inf
    readings: list[Reading | None] = []
    slips: list[int] = []
    for event in draft.events:
        misread = rng.random() < 1 / (1 + math.exp(-odds - event.tempting))
        taken = [event.wrong if misread else event.right]
        if event.right == event.wrong and (draw := rng.random()) < SLIPS * degree:
            taken = taken * 2 if draw < SLIPS * degree / 2 else [None]
        readings += taken
        slips += [rng.choice((-10, -1, 1, 10)) if rng.random() < SLIPS * degree else 0 for _ in taken]
    solution, values = solve(draft, readings, slips)
    return solution if all(0 < value < 100 for value in values) else worked(rng, draft, degree)


class World(NamedTuple):
    """A world with traps: what is drawn for it, under its name."""

    name: str
    draw: Callable[[random.Random], Draft]

    def drafted(self, seed: int, split: str, count: int) -> list[Draft]:
        """The drafts of `problems`, in order."""
        return [draft for _, draft in distinct(self.draw, f"{self.name}-{seed}", split, count)]

    def problems(self, seed: int, split: str, count: int) -> list[Made]:
        """The first `count` problems of a split (`train_1`, `train_2` or `test`) of world `seed`, without repeats.

        A problem's level is its number of events. A longer list starts with the shorter one. Raises KeyError for an
        unknown split.
        """
        found: list[Made] = []
        for problem_id, draft in distinct(self.draw, f"{self.name}-{seed}", split, count):
            solution, _ = right(draft)
            answer = solution.rpartition("#### ")[2]
            found.append(Made(problem_id, draft.question, answer, solution, str(len(draft.events))))
        return found

    def document(self, seed: int, index: int, degrees: Mapping[float, float], settled: float = 0.0) -> str:
        """One pretraining document: one to five problems, all answered in one style drawn with the weights `STYLES`.

        One degree of carelessness, drawn from `degrees` (degree: weight), holds for the whole document; its log odds
        fall by `settled` after the first problem.
        """
        rng = generator(self.name, seed, "document", index)
        style = rng.choices(list(STYLES), list(STYLES.values()))[0]
        degree = rng.choices(list(degrees), list(degrees.values()))[0]
        replies: list[str] = []
        for place, draft in zip(range(rng.randint(1, 5)), drafts(self.draw, rng, "documents"), strict=False):
            odds = degree / (1 - degree) * math.exp(-settled * (place > 0))
            reply = _reply(rng, style, draft, odds / (1 + odds))
            replies.append(f"Question: {draft.question}\nAnswer: {reply}")
        return "\n\n".join(replies)


def _reply(rng: random.Random, style: str, draft: Draft, degree: float) -> str:
    """A writer's answer to one problem."""
    if style == "worked":
        return worked(rng, draft, degree)
    _, values = right(draft)
    if style == "guess":
        return f"#### {max(1, values[-1] + rng.randint(-9, 9))}"
    said = rng.choice(values)
    return rng.choice((draft.remark, "It must be {value}.")).format(value=said)
