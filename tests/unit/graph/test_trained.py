"""What a trained model is, and as which input the steps after it read it."""

from collections.abc import Sequence

import pytest

from w2s.experiments.catalog import load
from w2s.experiments.overrides import set_fields
from w2s.graph.build import build_steps
from w2s.graph.evaluate import Asked, build_evaluation
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.trained import ROLES, as_input, base_name, is_whole, trained_model
from w2s.recipe import Answers, Evaluation, Sampling, Source, TestProblems

SAMPLES = 'icl_sampled={"n": 5, "temperature": 0.7}'


@pytest.mark.parametrize(
    ("changes", "whole", "adapters"),
    [
        ([], [], ["weak_completions", "test_weak_floor", "sampled", "dpo", "orpo", "test_ceiling", "test_dpo"]),
        (
            ["sft.lora=none"],
            ["sampled", "dpo", "orpo", "test_dpo", "test_orpo", "test_ceiling", "test_full_weak_ft"],
            ["weak_completions", "test_weak_floor"],
        ),
        (["weak_sft.lora=none"], ["weak_completions", "test_weak_floor"], ["sampled", "dpo", "test_ceiling"]),
        (
            ["weak_sft.lora=none", "committee=2", "iterations=2"],
            ["weak_member_2_completions", "weak_completions"],
            ["weak_ft_1_completions"],
        ),
        (
            ["sft.lora=none", "weak_sft.lora=none", "labels.min_share=0.5", "stage_one=trust", SAMPLES, "iterations=2"],
            ["weak_half_completions", "m_plus_1_samples", "sampled", "dpo"],
            [],
        ),
    ],
    ids=str,
)
def test_a_whole_model_is_read_as_a_base(changes: Sequence[str], whole: list[str], adapters: list[str]) -> None:
    steps = {step.name: step for step in build_steps(set_fields(load("quickstart"), changes))}
    found: dict[str, set[str]] = {role: {name for name, step in steps.items() if step.input(role)} for role in ROLES}
    assert found["base"] >= {*whole} and found["adapter"] >= {*adapters}
    assert not found["base"] & found["adapter"], "no step has an adapter on a whole model"
    for name in found["base"]:
        model = trained_model(steps[name])
        assert model is not None and is_whole(model) and as_input(model) == {"base": model}
        assert base_name(steps[name]).endswith(f" trained by {model.step.directory}")
    trainings = [step for step in steps.values() if isinstance(step.recipe, FineTune | Prefer)]
    assert {step.name for step in trainings if is_whole(step["model"])} >= found["base"] & {"dpo", "orpo"}
    assert trained_model(steps["icl_completions"]) is None and as_input(None) == {}
    assert base_name(steps["icl_completions"]) == str(load("quickstart").strong)


def test_training_all_weights_moves_what_follows_it_and_nothing_else() -> None:
    before = {step.name: step.directory for step in build_steps(load("quickstart"))}
    after = {step.name: step.directory for step in build_steps(set_fields(load("quickstart"), ["sft.lora=none"]))}
    kept = {name for name in before if before[name] == after[name]}
    assert kept >= {"weak_sft", "weak_completions", "consistent_1", "test_strong_base"}
    assert not kept & {"hybrid_ft_1", "ceiling", "sampled", "pairs", "dpo", "test_dpo"}


def test_an_evaluation_asks_a_whole_model() -> None:
    steps = {step.name: step for step in build_steps(set_fields(load("quickstart"), ["sft.lora=none"]))}
    test = TestProblems(test=Source(name="x.jsonl", answer="a"))
    made = Evaluation(problems=test, model=None, answers=Answers(), greedy=Sampling())
    asked = Asked("ceiling", load("quickstart").strong, trained_model(steps["test_ceiling"]))
    (sampled,) = (step for step in build_evaluation(made, [asked])[0] if isinstance(step.recipe, Sample))
    assert sampled.input("base") == steps["ceiling"]["model"] and sampled.input("adapter") is None


def test_an_adapter_of_another_kind_cannot_be_asked_for() -> None:
    """Stage II trains what stage I has made, so it has no field for it."""
    with pytest.raises(ValueError, match=r"--set dpo\.lora=none: .*no field 'lora'"):
        set_fields(load("quickstart"), ["sft.lora=none", "dpo.lora=none"])
