"""The generated world `programs`: what a few lines of Python print, with lines that are easily misread.

A program changes one variable in one to three lines, which is its level. Traps (traps.py) are expressions without an
assignment, comments, loops, products and signs: two kinds lose a step by misreading, two add one, one keeps the number.
"""

import random
from functools import partial
from typing import Final

from w2s.data.worlds import traps
from w2s.data.worlds.traps import Draft, Event, Reading, World

_VARIABLES: Final = ("a", "b", "c", "n", "s", "t", "x", "y")


def _plain(rng: random.Random, name: str, value: int) -> Event:
    kind, k = rng.random(), rng.randint(2, 9)
    factor = rng.choice((2, 3))
    if kind < 0.15 and value * factor <= traps.LARGEST:
        line, reading = f"{name} *= {factor}", Reading("*", factor)
    elif kind < 0.3 and value % 2 == 0:
        line, reading = f"{name} //= 2", Reading("/", 2)
    elif kind < 0.65 and value > k:
        line, reading = rng.choice((f"{name} -= {k}", f"{name} = {name} - {k}")), Reading("-", k)
    else:
        line, reading = rng.choice((f"{name} += {k}", f"{name} = {name} + {k}")), Reading("+", k)
    return Event(line, reading, reading)


def _trap(rng: random.Random, name: str) -> Event:
    k, j, wording = rng.randint(2, 9), rng.randint(2, 4), rng.randrange(2)
    kind = rng.choice(("loop", "product", "expression", "comment", "sign"))
    if kind in ("loop", "product"):
        k = rng.randint(2, 5)
    if kind == "loop":
        sign = "+-"[wording]
        line = f"for _ in range({j}): {name} {sign}= {k}"
        right, wrong, tempting = Reading(sign, j * k, (j, k)), Reading(sign, k), (1.5, -1.0)[wording]
    elif kind == "product":
        sign = "+-"[wording]
        line = f"{name} {sign}= {k} * {j}"
        right, wrong, tempting = Reading(sign, k * j, (k, j)), Reading(sign, k), (0.5, -0.5)[wording]
    elif kind == "expression":
        line = (f"{name} + {k}", f"{k} + {name}")[wording]
        right, wrong, tempting = None, Reading("+", k), (1.5, -1.0)[wording]
    elif kind == "comment":
        sign = "+-"[wording]
        line = f"# {name} {sign}= {k}"
        right, wrong, tempting = None, Reading(sign, k), (0.5, -0.5)[wording]
    else:
        line = (f"{name} += -{k}", f"{name} -= -{k}")[wording]
        right, wrong = (Reading("-", k), Reading("+", k))[:: 1 - 2 * wording]
        tempting = (1.0, -1.0)[wording]
    return Event(line, right, wrong, tempting)


def draw(rng: random.Random) -> Draft:
    """Draws one program of one to three lines between assignment and print."""
    name, start = rng.choice(_VARIABLES), rng.randint(3, 20)
    events = traps.events(rng, start, partial(_plain, rng, name), partial(_trap, rng, name))
    lines = [f"{name} = {start}", *(event.sentence for event in events), f"print({name})"]
    question = "What does this print?\n" + "\n".join(lines)
    return Draft(question, start, tuple(events), remark="I think it prints {value}.")


WORLD: Final = World("programs", draw)
