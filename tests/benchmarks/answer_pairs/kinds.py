"""The kinds of pairs, and distinct pairs of one kind."""

from dataclasses import replace
from random import Random

from tests.benchmarks.answer_cases import Case
from tests.benchmarks.answer_pairs import (
    algebra,
    dates,
    lookalikes,
    notation,
    numbers,
    sets,
    units,
    worded_numbers,
    words,
)
from tests.benchmarks.answer_pairs.pair import Maker

KINDS: dict[str, Maker] = {
    "dates": dates.dates,
    "ranges": dates.ranges,
    "times": dates.times,
    "side by side": dates.side_by_side,
    "dimensions": dates.dimensions,
    "function values": algebra.function_values,
    "names": algebra.names,
    "named values": algebra.named_values,
    "equations": algebra.equations,
    "inequalities": algebra.inequalities,
    "whole functions": algebra.whole_functions,
    "degrees": algebra.degrees,
    "after numbers": worded_numbers.after_numbers,
    "letters": words.letters,
    "short words": words.short_words,
    "number words": worded_numbers.number_words,
    "choices": words.choices,
    "multiple choice": words.multiple_choice,
    "decimals": numbers.decimals,
    "thousands": numbers.thousands,
    "rounding": numbers.rounding,
    "percent": numbers.percent,
    "money": numbers.money,
    "bases": numbers.bases,
    "powers": numbers.powers,
    "two units": units.two_units,
    "unit powers": units.unit_powers,
    "unit spellings": units.unit_spellings,
    "units together": units.units_together,
    "letter units": units.letter_units,
    "tuples": sets.tuples,
    "intervals": sets.intervals,
    "unions": sets.unions,
    "greek": notation.greek,
    "unicode": notation.unicode_signs,
    "wrappers": notation.wrappers,
    "phrases": notation.phrases,
    "products": notation.products,
    "calculations": lookalikes.calculations,
    "applications": lookalikes.applications,
    "marks": lookalikes.marks,
    "commas": lookalikes.commas,
    "joined": lookalikes.joined,
}


def pairs(kind: str, count: int, seed: int) -> list[Case]:
    """`count` distinct pairs of one kind, each with its sides in a random order; equal seeds give equal pairs.

    A kind that repeats itself gives fewer pairs: after 20 draws for each pair wanted, it stops.
    """
    rng = Random(f"{seed} {kind}")
    found: dict[tuple[str, str, str], Case] = {}
    for _ in range(20 * count):
        if len(found) == count:
            break
        case = KINDS[kind](rng)
        if rng.random() < 0.5:
            case = replace(case, a=case.b, b=case.a)
        first, second = sorted((case.a, case.b))
        found.setdefault((case.kind, first, second), replace(case, source=kind))
    return list(found.values())
