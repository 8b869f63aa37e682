"""The generated world of `hard`: longer word problems with sentences that are easily misread.

A problem has one to three events after its start, which is its level. Plain events change the number in one step; traps
(traps.py) have two readings. Traps that lose a step by misreading are as frequent and as tempting as traps that add
one, and skips as frequent as repeats, so that length does not tell wrong solutions from right ones.
"""

import random
from functools import partial
from typing import Final

from w2s.data.worlds import traps
from w2s.data.worlds.traps import LARGEST, Draft, Event, Reading, World

_NAMES: Final = ("Leo", "Mia", "Sam", "Ana", "Tom", "Eva", "Ben", "Zoe")
_THINGS: Final = ("pens", "books", "coins", "cards", "shells", "stamps", "apples", "stones")
_MORE: Final = ("{name} buys {k} more.", "{name} finds {k} more.", "A friend gives {name} {k}.")
_LESS: Final = ("{name} gives away {k}.", "{name} sells {k}.", "{name} loses {k}.")
_TIMES: Final = {2: "Then the number doubles.", 3: "Then the number triples."}


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
    return Event(sentence.format(name=name, k=k), reading, reading)


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


def draw(rng: random.Random) -> Draft:
    """Draws one problem of one to three events."""
    owner, things, start = rng.choice(_NAMES), rng.choice(_THINGS), rng.randint(3, 20)
    events = traps.events(rng, start, partial(_plain, rng, owner), partial(_trap, rng, owner))
    value, price = traps.outcome(start, events), rng.choice((2, 3))
    form = rng.choice(("now", "now", "both", "worth")) if len(events) == 3 else "now"
    asked, answer, last = f"How many {things} does {owner} have?", "{value}", None
    if form == "both" and value != start:
        asked, answer = f"How many {things} does {owner} have now and at the start?", "{value} and {start}"
    elif form == "worth" and value * price <= LARGEST:
        asked, answer, last = f"Each sells for {price} cents. How many cents is that?", "{value} cents", price
    told = " ".join(event.sentence for event in events)
    question = f"{owner} has {start} {things}. {told} {asked}"
    remark = f"I think {owner} has {{value}} {things}."
    return Draft(question, start, tuple(events), answer, Reading("*", last) if last else None, remark)


WORLD: Final = World("hard", draw)
