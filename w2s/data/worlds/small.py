"""The generated world of `quickstart`: small word problems, and the documents its tiny bases are pretrained on.

A problem starts with 2 to 20 things and changes the number two to four times; its solution writes one equation a
change and ends with `#### answer`. Everything is drawn from hashed seeds, so that the same arguments give the same
text on every machine.
"""

import math
import random
from typing import Final, NamedTuple

from w2s.data.worlds.draws import Made, distinct, drafts, generator

STYLES: Final = {"worked": 0.65, "guess": 0.15, "chat": 0.20}
CARELESS: Final = 0.6
"""Share of careless writers among those who work answers out."""
HASTE: Final = {2: 0.5, 3: 0.8, 4: 1.0}
"""How often a careless writer leaves the last step out, by the number of steps."""
GRADES: Final = {0.05: 0.2, 0.3: 0.15, 0.5: 0.15, 0.7: 0.2, 0.9: 0.3}
"""Degrees of haste in graded documents, and their shares."""

_NAMES: Final = ("Leo", "Mia", "Sam", "Ana", "Tom", "Eva", "Ben", "Zoe")
_THINGS: Final = ("pens", "books", "coins", "cards", "shells", "stamps", "apples", "stones")
_MORE: Final = ("{name} buys {k} more.", "{name} finds {k} more.", "A friend gives {name} {k}.")
_LESS: Final = ("{name} gives away {k}.", "{name} sells {k}.", "{name} loses {k}.")
_TIMES: Final = {2: "Then the number doubles.", 3: "Then the number triples."}
_TEMPTING: Final = (
    -1.2,
    0.0,
    1.2,
)  # log odds of haste by the kind of the last sentence, and by two, three or four steps


class _Draft(NamedTuple):
    """A problem before it is written down: the question, its things and the equations with their results."""

    question: str
    owner: str
    things: str
    start: int
    tempting: float
    equations: tuple[str, ...]
    results: tuple[int, ...]


def _draft(rng: random.Random) -> _Draft:
    """Draws one problem of two to four steps."""
    owner, things = rng.choice(_NAMES), rng.choice(_THINGS)
    start = rng.randint(2, 20)
    value = start
    sentences = [f"{owner} has {start} {things}."]
    equations: list[str] = []
    results: list[int] = []
    tempting = 0.0
    for _ in range(rng.randint(2, 4)):
        kind = rng.random()
        factor = rng.choice((2, 3))
        if kind < 0.2 and value * factor <= 40:
            pick = factor - 2
            sentence, sign, operand, result = _TIMES[factor], "*", factor, value * factor
        elif kind < 0.6 and value > 2:
            operand, pick = rng.randint(1, min(9, value - 1)), rng.randrange(3)
            sentence, sign, result = _LESS[pick], "-", value - operand
        else:
            operand, pick = rng.randint(2, 9), rng.randrange(3)
            sentence, sign, result = _MORE[pick], "+", value + operand
        sentences.append(sentence.format(name=owner, k=operand))
        equations.append(f"{value} {sign} {operand} = {result}.")
        results.append(result)
        value, tempting = result, _TEMPTING[pick]
    tempting += _TEMPTING[len(results) - 2]
    sentences.append(f"How many {things} does {owner} have?")
    return _Draft(" ".join(sentences), owner, things, start, tempting, tuple(equations), tuple(results))


def _solution(draft: _Draft, steps: int) -> str:
    """The first `steps` equations, and the answer they lead to."""
    return " ".join(draft.equations[:steps]) + f"\n#### {draft.results[steps - 1]}"


def problems(seed: int, split: str, count: int) -> list[Made]:
    """The first `count` problems of a split (`train_1`, `train_2` or `test`) of world `seed`, all questions distinct.

    A longer list starts with the shorter one. Raises KeyError for an unknown split.
    """
    return [
        Made(problem_id, draft.question, str(draft.results[-1]), _solution(draft, len(draft.equations)))
        for problem_id, draft in distinct(_draft, seed, split, count)
    ]


def _reply(rng: random.Random, style: str, hasty: float, draft: _Draft) -> str:
    """A writer's answer to one problem; a `worked` answer lacks its last step with probability `hasty`."""
    if style == "worked":
        return _solution(draft, len(draft.equations) - (rng.random() < hasty))
    if style == "guess":
        return f"#### {max(1, draft.results[-1] + rng.randint(-9, 9))}"
    said = rng.choice((draft.start, *draft.results))
    form = rng.choice(
        ("I think {owner} has {said} {things}.", "It must be {said}.", "{owner} has {said} {things} now.")
    )
    return form.format(owner=draft.owner, said=said, things=draft.things)


def document(seed: int, index: int, graded: bool = False, settled: float = 0.0) -> str:
    """One pretraining document: one to five problems, all answered in one style drawn with the weights `STYLES`.

    Its writer is careful or careless; a careless writer's haste depends on the number of steps alone. With `graded`,
    one degree of haste holds for the whole document: log odds rise with the temptation of a problem, and fall by
    `settled` after the first problem.
    """
    rng = generator(seed, "document", index)
    style = rng.choices(list(STYLES), list(STYLES.values()))[0]
    careless = rng.random() < CARELESS
    haste = rng.choices(list(GRADES), list(GRADES.values()))[0]
    odds = math.log(haste / (1 - haste))
    replies: list[str] = []
    for place, draft in zip(range(rng.randint(1, 5)), drafts(_draft, rng, "documents"), strict=False):
        by_degree = 1 / (1 + math.exp(-odds + settled * (place > 0) - draft.tempting))
        by_steps = HASTE[len(draft.equations)] if careless else 0.0
        hasty = by_degree if graded else by_steps
        replies.append(f"Question: {draft.question}\nAnswer: {_reply(rng, style, hasty, draft)}")
    return "\n\n".join(replies)
