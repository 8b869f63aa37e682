"""Whole recipes by name: `--set recipe=NAME` sets several fields of any experiment at once; later --sets change them.

`paper` is what an experiment's fields say where they were left as they are. `w2s` is our own. This is the only place
that holds its values.
"""

from collections.abc import Callable
from typing import Any

from w2s.errors import closest
from w2s.recipe import Experiment, Labels

FIELD = "recipe"
"""The name that --set takes beside the fields of an experiment."""
TEMPERATURE = 0.7
"""Of samples that vote: at 1.0 a vote of ten is a worse label than one greedy answer (docs/recipes.md)."""

SURE = 0.8
"""Least vote share of a pair's chosen answer. At 0.5 a quarter of the quickstart's pairs teach M_plus a wrong answer,
which costs it up to 6 points (docs/results.md)."""


def paper(e: Experiment) -> Experiment:
    """The paper's method: agreement, pairs against the weak answer, every pair with one weight, no NLL in DPO.

    Samples stay as they are, so that `recipe=w2s recipe=paper` keeps the number and temperature of w2s.
    """
    return _with(
        e,
        pairs={"rule": "weak", "min_margin": 0.0, "greedy_vote": False},
        preference={"weighted": False, "dpo_loss": "sigmoid", "label_smoothing": 0.0, "sft_weight": 0.0},
        stage_one="agreement",
        icl_sampled=None,
        labels=Labels(),
        more_samples=None,
        committee=1,
    )


def w2s(e: Experiment) -> Experiment:
    """Majorities of M's own samples in both stages.

    It takes as many samples as the paper's stage II, half of them in stage I, and one round of stage I.
    """
    half = e.sampled.model_copy(update={"n": max(2, e.sampled.n // 2), "temperature": TEMPERATURE})
    made = _with(
        e,
        pairs={"rule": "votes", "min_confidence": SURE, "min_margin": SURE / 2},
        preference={"weighted": True},
        stage_one="icl_votes",
        icl_sampled=half,
        labels=e.labels.model_copy(update={"greedy_vote": True, "min_kept": e.agreement.min_kept}),
        iterations=1,
        sampled=half,
    )
    dpo = made.dpo and made.dpo.model_copy(update={"sft_weight": 1.0})
    return made.model_copy(update={"dpo": dpo})


RECIPES: dict[str, Callable[[Experiment], Experiment]] = {"paper": paper, "w2s": w2s}


def with_recipe(e: Experiment, name: str) -> Experiment:
    """The experiment with a named recipe's fields. Raises ValueError for another name."""
    if name not in RECIPES:
        raise ValueError(f"no recipe {name!r}{closest(name, RECIPES)}: it must be {' or '.join(RECIPES)}")
    return RECIPES[name](e)


def _with(e: Experiment, pairs: dict[str, Any], preference: dict[str, Any], **fields: Any) -> Experiment:
    """`e` with fields of itself, of its pairs and of all its preference trainings changed, and checked."""
    trained = {
        name: training.model_copy(update=preference)
        for name, training in (("dpo", e.dpo), ("orpo", e.orpo))
        if training is not None
    }
    return Experiment.model_validate(dict(e) | trained | {"pairs": e.pairs.model_copy(update=pairs)} | fields)
