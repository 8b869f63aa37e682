"""The generated world of `hard`: longer word problems with sentences that are easily misread.

A problem has one to three events after its start, which is its level. Plain events change the number in one step. A
*trap* has two readings, and writers of documents err on it together: how often depends on the writer's degree of
carelessness and on the trap's wording, so that two careless readers agree on one wrong answer. Rarely a careless writer
also skips a step, takes one twice, or slips in arithmetic. Traps that lose a step by misreading are as frequent and as
tempting as traps that add one, and skips as frequent as repeats, so that length does not tell wrong solutions from
right ones.
"""

import math
import random
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from w2s.data.worlds.draws import Made, distinct, drafts, generator

STYLES: Final = {"worked": 0.92, "guess": 0.03, "chat": 0.05}
TRAPS: Final = 0.5
"""Share of events that can be misread."""
LARGEST: Final = 40
"""No number of a right solution is larger; in a wrong one none has three digits."""
SLIPS: Final = 0.04
"""How often the most careless writer slips in a step's arithmetic; skips and repeats are half as frequent each."""

_NAMES: Final = ("Leo", "Mia", "Sam", "Ana", "Tom", "Eva", "Ben", "Zoe")
_THINGS: Final = ("pens", "books", "coins", "cards", "shells", "stamps", "apples", "stones")
_MORE: Final = ("{name} buys {k} more.", "{name} finds {k} more.", "A friend gives {name} {k}.")
_LESS: Final = ("{name} gives away {k}.", "{name} sells {k}.", "{name} loses {k}.")
_TIMES: Final = {2: "Then the number doubles.", 3: "Then the number triples."}


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
    tempting: float
    """Log odds of the wrong reading, added to the writer's; meaningless where both readings are equal."""


class Draft(NamedTuple):
    """A problem before it is solved."""

    question: str
    owner: str
    things: str
    start: int
    events: tuple[Event, ...]
    form: str
    """`now`, `both` (now and at the start) or `worth` (in cents)."""
    price: int


def _change(value: int, reading: Reading | None) -> int:
    if reading is None:
        return value
    sign, operand, _ = reading
    return {"+": value + operand, "-": value - operand, "*": value * operand, "/": value // operand}[sign]


def _plain(rng: random.Random, name: str, value: int) -> Event:
    kind, k = rng.random(), rng.randint(2, 9)
    factor = rng.choice((2, 3))
    if kind < 0.12 and value * factor <= 40:
        sentence, reading = _TIMES[factor], Reading("*", factor)
    elif kind < 0.24 and value % 2 == 0:
        sentence, reading = "Then the number halves.", Reading("/", 2)
    elif kind < 0.62 and value > k:
        sentence, reading = rng.choice(_LESS), Reading("-", k)
    else:
        sentence, reading = rng.choice(_MORE), Reading("+", k)
    return Event(sentence.format(name=name, k=k), reading, reading, 0.0)


def _trap(rng: random.Random, name: str) -> Event:
    """A sentence with two readings: two kinds lose a step if misread, two add one, one keeps the number of steps."""
    k, j, wording = rng.randint(2, 9), rng.randint(2, 4), rng.randrange(2)
    kind = rng.choice(("bags", "pairs", "shown", "undone", "friend"))
    plus, minus = Reading("+", k), Reading("-", k)
    if kind == "bags":
        k = rng.randint(2, 5)
        sentence = ("{name} buys {k} bags of {j}.", "A friend gives {name} {k} bags of {j}.")[wording]
        right, wrong, tempting = Reading("+", k * j, (k, j)), Reading("+", k), (1.5, -1.0)[wording]
    elif kind == "pairs":
        sentence = ("{name} finds {k} pairs.", "{name} sells {k} pairs.")[wording]
        sign = "+-"[wording]
        right, wrong, tempting = Reading(sign, 2 * k, (k, 2)), Reading(sign, k), (0.5, -0.5)[wording]
    elif kind == "shown":
        sentence = ("{name} sees {k} more.", "A friend shows {name} {k}.")[wording]
        right, wrong, tempting = None, plus, (1.5, -1.0)[wording]
    elif kind == "undone":
        sentence = ("{name} finds {k} but loses them.", "{name} loses {k} but finds them.")[wording]
        right, wrong, tempting = None, (plus, minus)[wording], (0.5, -0.5)[wording]
    else:
        sentence = ("A friend buys {k} from {name}.", "{name} buys {k} from a friend.")[wording]
        right, wrong, tempting = (minus, plus)[wording], (plus, minus)[wording], (1.0, -1.0)[wording]
    return Event(sentence.format(name=name, k=k, j=j), right, wrong, tempting)


def _draft(rng: random.Random) -> Draft:
    """Draws one problem of one to three events."""
    owner, things, start = rng.choice(_NAMES), rng.choice(_THINGS), rng.randint(3, 20)
    value, events = start, list[Event]()
    count = rng.randint(1, 3)
    while len(events) < count:
        event = _trap(rng, owner) if rng.random() < TRAPS else _plain(rng, owner, value)
        if 0 < _change(value, event.right) <= LARGEST and 0 < _change(value, event.wrong) <= LARGEST:
            value = _change(value, event.right)
            events.append(event)
    form = rng.choice(("now", "now", "both", "worth")) if count == 3 else "now"
    price = rng.choice((2, 3))
    if (form == "worth" and value * price > LARGEST) or (form == "both" and value == start):
        form = "now"
    asked = {
        "now": f"How many {things} does {owner} have?",
        "both": f"How many {things} does {owner} have now and at the start?",
        "worth": f"Each sells for {price} cents. How many cents is that?",
    }[form]
    told = " ".join(event.sentence for event in events)
    return Draft(f"{owner} has {start} {things}. {told} {asked}", owner, things, start, tuple(events), form, price)


def _solve(draft: Draft, readings: Sequence[Reading | None], slips: Sequence[int] = ()) -> tuple[str, list[int]]:
    """The solution that follows from one reading an event, and the numbers on its way; `slips` are added to results."""
    value, equations, values = draft.start, list[str](), [draft.start]
    for index, reading in enumerate(readings):
        if reading is None:
            continue
        slip = slips[index] if index < len(slips) else 0
        if reading.factors:
            k, j = reading.factors
            equations.append(f"{k} * {j} = {reading.operand}.")
        result = _change(value, reading) + slip
        equations.append(f"{value} {reading.sign} {reading.operand} = {result}.")
        value = result
        values.append(value)
    answer = str(value)
    if draft.form == "worth":
        equations.append(f"{value} * {draft.price} = {value * draft.price}.")
        answer = f"{value * draft.price} cents"
        values.append(value * draft.price)
    elif draft.form == "both":
        answer = f"{value} and {draft.start}"
    return f"{' '.join(equations)}\n#### {answer}".lstrip(), values


def drafted(seed: int, split: str, count: int) -> list[Draft]:
    """The drafts of `problems`, in order."""
    return [draft for _, draft in distinct(_draft, f"hard-{seed}", split, count)]


def problems(seed: int, split: str, count: int) -> list[Made]:
    """The first `count` problems of a split (`train_1`, `train_2` or `test`) of world `seed`, all questions distinct.

    A longer list starts with the shorter one. Raises KeyError for an unknown split.
    """
    found: list[Made] = []
    for problem_id, draft in distinct(_draft, f"hard-{seed}", split, count):
        solution, _ = _solve(draft, [event.right for event in draft.events])
        answer = solution.rpartition("#### ")[2]
        found.append(Made(problem_id, draft.question, answer, solution, str(len(draft.events))))
    return found


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
    solution, values = _solve(draft, readings, slips)
    return solution if all(0 < value < 100 for value in values) else worked(rng, draft, degree)


def document(seed: int, index: int, degrees: Mapping[float, float], settled: float = 0.0) -> str:
    """One pretraining document: one to five problems, all answered in one style drawn with the weights `STYLES`.

    One degree of carelessness, drawn from `degrees` (degree: weight), holds for the whole document; its log odds fall
    by `settled` after the first problem.
    """
    rng = generator("hard", seed, "document", index)
    style = rng.choices(list(STYLES), list(STYLES.values()))[0]
    degree = rng.choices(list(degrees), list(degrees.values()))[0]
    replies: list[str] = []
    for place, draft in zip(range(rng.randint(1, 5)), drafts(_draft, rng, "documents"), strict=False):
        odds = degree / (1 - degree) * math.exp(-settled * (place > 0))
        reply = _reply(rng, style, draft, odds / (1 + odds))
        replies.append(f"Question: {draft.question}\nAnswer: {reply}")
    return "\n\n".join(replies)


def _reply(rng: random.Random, style: str, draft: Draft, degree: float) -> str:
    """A writer's answer to one problem."""
    if style == "worked":
        return worked(rng, draft, degree)
    _, values = _solve(draft, [event.right for event in draft.events])
    if style == "guess":
        return f"#### {max(1, values[-1] + rng.randint(-9, 9))}"
    said = rng.choice(values)
    return rng.choice((f"I think {draft.owner} has {said} {draft.things}.", f"It must be {said}."))
