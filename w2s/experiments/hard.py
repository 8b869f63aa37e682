"""The hard world: sentences with two readings, on which a weak and a strong model err alike."""

from w2s.experiments.quickstart import quickstart
from w2s.recipe import Demonstrations, Experiment, Model, Sampling, WorldProblems


def hard() -> Experiment:
    """The quickstart's settings on the problems of w2s/data/worlds/hard.py, and bases that have read its documents.

    Learning rates, epochs and thresholds are the quickstart's. Completions may be longer, because problems are.
    Demonstrations are random, because a misread sentence can add a step: the longest completions are mostly wrong.
    """
    longer = {"max_tokens": 72}
    base = quickstart()
    return base.model_copy(
        update={
            "name": "hard",
            "description": "tiny models and word problems that two models misread alike, on two CPU cores",
            "problems": WorldProblems(train_1=300, train_2=400, test=500, seed=0, world="hard"),
            "weak": Model(name="package:w2s/data/bases/hard_weak"),
            "strong": Model(name="package:w2s/data/bases/hard_strong"),
            "greedy": Sampling(**longer),
            "demonstrations": Demonstrations(count=4),
            "sampled": base.sampled.model_copy(update=longer),
        }
    )
