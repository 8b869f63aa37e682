"""Preflight checks that need the problems: they run right after the problems step, before any model is loaded."""

from collections.abc import Sequence

from w2s.data.gold import check_stop_strings
from w2s.graph.recipes import FineTune, Sample
from w2s.graph.step import Step
from w2s.recipe import Experiment
from w2s.records import Reference
from w2s.store.store import Store


def check_data(experiment: Experiment, steps: Sequence[Step], missing: Sequence[Step], store: Store) -> None:
    """Check the finished problems against the models that the `missing` steps of the experiment's `steps` use.

    Raises ValueError with the value, the rule and the way out.
    """
    if not any(isinstance(step.recipe, FineTune | Sample) for step in missing):
        return
    gold = {step.name: table for step in steps if (table := step.input("references"))}
    for name, split in (("weak_sft", "train_1"), ("ceiling", "train_2")):
        if name in gold:
            check_stop_strings(experiment, split, store.each_record(gold[name], Reference))
