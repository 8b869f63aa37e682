"""The worlds with traps: sentences and lines of Python with two readings, on which two models err alike."""

from typing import Literal

from w2s.experiments.quickstart import quickstart
from w2s.recipe import Demonstrations, Experiment, Model, Sampling, WorldProblems


def hard() -> Experiment:
    """Word problems; see w2s/data/worlds/hard.py."""
    return _trapped("hard", "tiny models and word problems that two models misread alike, on two CPU cores")


def programs() -> Experiment:
    """What a few lines of Python print; see w2s/data/worlds/programs.py."""
    return _trapped("programs", "tiny models and lines of Python that two models misread alike, on two CPU cores")


def _trapped(world: Literal["hard", "programs"], description: str) -> Experiment:
    """The quickstart's settings on the problems of a world, and bases that have read its documents.

    Learning rates, epochs and thresholds are the quickstart's. Completions may be longer, because problems are.
    Demonstrations are random, because a misread sentence can add a step: the longest completions are mostly wrong.
    """
    longer = {"max_tokens": 72}
    base = quickstart()
    return base.model_copy(
        update={
            "name": world,
            "description": description,
            "problems": WorldProblems(train_1=300, train_2=400, test=500, seed=0, world=world),
            "weak": Model(name=f"package:w2s/data/bases/{world}_weak"),
            "strong": Model(name=f"package:w2s/data/bases/{world}_strong"),
            "greedy": Sampling(**longer),
            "demonstrations": Demonstrations(count=4),
            "sampled": base.sampled.model_copy(update=longer),
        }
    )
