"""Whole recipes by name."""

import pytest

from w2s.experiments.catalog import load, names
from w2s.experiments.overrides import set_fields
from w2s.experiments.recipes import with_recipe
from w2s.graph.build import build_steps
from w2s.recipe import Completions, Experiment, Source


@pytest.mark.parametrize("name", names())
def test_our_recipe_fits_every_experiment_at_the_samples_of_the_paper_s(name: str) -> None:
    old, new = load(name), set_fields(load(name), ["recipe=w2s"])
    assert new.stage_one == "icl_votes" and new.pairs.rule == "votes" and new.icl_sampled is not None
    assert new.icl_sampled.n + new.sampled.n == old.sampled.n
    assert new.icl_sampled.max_tokens == new.sampled.max_tokens == old.sampled.max_tokens
    assert all(loss is None or loss.weighted for loss in (new.dpo, new.orpo))
    same = ("problems", "weak", "strong", "answers", "weak_sft", "sft", "greedy", "demonstrations", "ceiling")
    assert all(getattr(old, field) == getattr(new, field) for field in same)
    assert {step.name for step in build_steps(new)} >= {"icl_samples", "labels_1", "m_plus_1"}


def test_the_paper_s_recipe_is_what_the_shipped_experiments_are() -> None:
    assert all(set_fields(load(name), ["recipe=paper"]) == load(name) for name in names())
    there = set_fields(load("quickstart"), ["recipe=w2s", "recipe=paper"])
    back = {"iterations": 1, "sampled": load("quickstart").sampled, "pairs": load("quickstart").pairs}
    assert there.model_copy(update=back) == load("quickstart")


def test_the_paper_has_one_weak_model_and_one_sampling_of_every_problem() -> None:
    changes = ["committee=3", 'more_samples={"n": 6}', "recipe=paper"]
    assert set_fields(load("quickstart"), changes) == load("quickstart")


def test_later_fields_change_a_recipe_and_earlier_ones_do_not() -> None:
    e = set_fields(load("quickstart"), ["sampled.n=20", "iterations=2", "recipe=w2s", "labels.min_share=0.6"])
    assert (e.sampled.n, e.iterations, e.labels.min_share, e.labels.greedy_vote) == (10, 1, 0.6, True)
    one_left_out = set_fields(load("quickstart"), ["recipe=w2s", "dpo.weighted=false", "pairs.rule=weak"])
    assert (one_left_out.dpo.weighted, one_left_out.orpo.weighted, one_left_out.pairs.rule) == (False, True, "weak")  # type: ignore[union-attr]


def test_responses_that_are_there_already_say_nothing_of_train_1() -> None:
    weak = Completions(source=Source(name="answers.jsonl", answer=None, solution="response"))
    e = Experiment.model_validate(dict(load("quickstart")) | {"weak": weak, "weak_sft": None})
    with pytest.raises(ValueError, match="trust measures the weak model on train_1, and weak holds responses"):
        set_fields(with_recipe(e, "w2s"), ["stage_one=trust"])


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["recipe=w2"], r"--set recipe=w2: no recipe 'w2' \(did you mean w2s\?\): it must be paper or w2s"),
        (["recipe="], "it must be paper or w2s"),
        (["recipe.n=1"], "Experiment has no field 'recipe'"),
        (["sft.recipe=w2s"], "SFT has no field 'recipe'"),
        (["stage_one=trust"], "needs samples of the strong base on train_2: set icl_sampled too"),
        (["recipe=w2s", "stage_one=trust"], "trust with labels.min_share=0 learns every majority.*or take icl_votes"),
        (["recipe=w2s", "icl_sampled=none"], "needs samples of the strong base on train_2"),
        (["dpo.dpo_loss=robust"], "label_smoothing=0.0 with dpo_loss=robust: the robust loss needs a value above 0"),
        (["dpo.label_smoothing=0.1"], "no other loss reads it"),
        (["dpo.dpo_loss=robust", "dpo.label_smoothing=0.5"], "label_smoothing: .*less than 0.5"),
        (["orpo.dpo_loss=ipo"], "belongs to dpo"),
        (["pairs.rule=vote"], "pairs.rule=vote: rule: .*'weak' or 'votes'"),
        (["labels.min_share=1.5"], "less than or equal to 1"),
    ],
)
def test_refused(assignments: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        set_fields(load("quickstart"), assignments)
