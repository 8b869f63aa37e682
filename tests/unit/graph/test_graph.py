"""What must hold for every experiment's graph: no gold leaks, stable names."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import fresh
from w2s.experiments.catalog import load, names
from w2s.experiments.overrides import set_fields
from w2s.graph.build import build_steps
from w2s.graph.evaluate import Asked, build_evaluation
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step, with_upstream
from w2s.recipe import Answers, Evaluation, Experiment, Model, Sampling, Source, TestProblems
from w2s.store.attempt import Attempt
from w2s.store.store import Store

SHIPPED = names()
BASE = "gsm8k-gemma-2b"

# Gold

GOLD_READERS = {
    "weak_sft": "train_1_references",
    "weak_half_sft": "train_1_references",
    "weak_reliability": "train_1_references",
    **dict.fromkeys(("weak_member_2_sft", "weak_member_3_sft"), "train_1_references"),
    "ceiling": "train_2_references",
    "scores": "test_references",
    "audit": "train_2_references",
}
OF_THE_WEAK_MODEL = {"weak_sft", "weak_half_sft", "weak_reliability", "weak_member_2_sft", "weak_member_3_sft"}
"""Readers of train_1's gold, which is the weak model's own."""
AFTER_THE_STRONG_MODEL = {"ceiling", "test_ceiling", "scores", "audit", "report"}
SAMPLES = 'icl_sampled={"n": 5, "temperature": 0.7}'
MORE = 'more_samples={"n": 6, "budget": 60}'
VARIANTS = [
    [],
    ["iterations=1"],
    ["iterations=3"],
    ["dpo=none"],
    ["orpo=none"],
    ["weak_sft=none"],
    ["ceiling=false"],
    ["full_icl=false"],
    ["recipe=paper"],
    ["recipe=w2s"],
    ["recipe=w2s", "iterations=3", "pairs.greedy_vote=true"],
    ["recipe=w2s", "weak_sft=none"],
    ["stage_one=icl", "iterations=2"],
    ["stage_one=icl_votes", SAMPLES, "labels.greedy_vote=true", "iterations=2"],
    ["labels.min_share=0.5", "stage_one=trust", SAMPLES, "pairs.rule=votes"],
    [MORE],
    ["recipe=w2s", MORE, "pairs.greedy_vote=true"],
    ["sft.lora=none"],
]


def gold_inputs(step: Step) -> list[str]:
    return [table.name for _, table in step.inputs if table.name.endswith("_references")]


def check_no_gold_leaks(steps: tuple[Step, ...]) -> None:
    """Gold is read by its four readers, each its own split's, and by nothing that the strong model is made from or
    asked with."""
    for step in steps:
        assert gold_inputs(step) == ([GOLD_READERS[step.name]] if step.name in GOLD_READERS else []), step.name
    strong = [step for step in steps if step.name not in AFTER_THE_STRONG_MODEL]
    student = "m_plus_1" if any(step.name == "m_plus_1" for step in steps) else "hybrid_ft_1"
    assert {"pairs", "sampled", student, "icl_completions", "full_weak_ft"} <= {step.name for step in strong}
    for step in with_upstream(strong):
        assert step.name not in AFTER_THE_STRONG_MODEL, f"the strong model's path reads {step.name}"
        assert not gold_inputs(step) or step.name in OF_THE_WEAK_MODEL, step.name


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
@pytest.mark.parametrize("name", SHIPPED)
def test_no_gold_leaks(name: str, changes: list[str]) -> None:
    check_no_gold_leaks(build_steps(set_fields(load(name), changes)))


@pytest.mark.parametrize("reader", ["consistent_1", "pairs", "hybrid_ft_1", "sampled", "test_weak_icl"])
def test_a_leak_would_be_found(reader: str) -> None:
    steps = build_steps(load(BASE))
    gold = steps[0]["train_2_references"]
    leaky = tuple(
        replace(step, inputs=(*step.inputs, ("hints", gold))) if step.name == reader else step for step in steps
    )
    with pytest.raises(AssertionError, match=reader):
        check_no_gold_leaks(leaky)


OWN_READERS = ["labels_1", "icl_samples", "plain_samples", "plain_completions", "m_plus_1", "labels_2",
               "m_plus_1_samples", "pairs"]  # fmt: skip


@pytest.mark.parametrize("reader", OWN_READERS)
def test_a_leak_into_a_step_of_own_answers_would_be_found(reader: str) -> None:
    steps = build_steps(set_fields(load(BASE), ["recipe=w2s", "iterations=2", "labels.choose_prompt=true"]))
    assert reader in {step.name for step in steps}
    for table in ("train_1_references", "train_2_references"):
        hints = ("hints", steps[0][table])
        leaky = tuple(replace(step, inputs=(*step.inputs, hints)) if step.name == reader else step for step in steps)
        with pytest.raises(AssertionError, match=reader):
            check_no_gold_leaks(leaky)


@pytest.mark.parametrize("reader", ["open_votes", "more_samples"])
def test_a_leak_into_further_samples_would_be_found(reader: str) -> None:
    steps = build_steps(set_fields(load(BASE), [MORE]))
    hints = ("hints", steps[0]["train_2_references"])
    leaky = tuple(replace(step, inputs=(*step.inputs, hints)) if step.name == reader else step for step in steps)
    with pytest.raises(AssertionError, match=reader):
        check_no_gold_leaks(leaky)


@pytest.mark.parametrize("changes", [["committee=3"], ["committee=2", "recipe=w2s", MORE]], ids=str)
def test_no_gold_leaks_through_a_committee(changes: list[str]) -> None:
    steps = build_steps(set_fields(load(BASE), changes))
    check_no_gold_leaks(steps)
    by_name = {step.name: step for step in steps}
    members = [by_name[name].recipe for name in ("weak_sft", "weak_member_2_sft")]
    first, second = [recipe.sft for recipe in members if isinstance(recipe, FineTune)]
    assert first.seed != second.seed and first.model_copy(update={"seed": second.seed}) == second
    taught = [step for step in steps if any(table.step.name == "weak_committee" for _, table in step.inputs)]
    assert {"demonstrations", "pairs", "full_weak_ft", "report"} <= {step.name for step in taught}
    assert by_name["weak_member_2_sft"].settings == "weak_sft"


def test_a_committee_needs_a_training() -> None:
    with pytest.raises(ValueError, match="committee=2 trains weak models with different seeds, and weak_sft is none"):
        set_fields(load(BASE), ["committee=2", "weak_sft=none"])


def test_further_samples_are_others_than_the_first_and_of_open_problems_only() -> None:
    steps = {step.name: step for step in build_steps(set_fields(load(BASE), [MORE]))}
    first, further = steps["sampled"].recipe, steps["more_samples"].recipe
    assert isinstance(first, Sample) and isinstance(further, Sample)
    assert further.sampling.seed != first.sampling.seed, "the same seed would give the same completions again"
    assert further.sampling.n == 6 and further.sampling.temperature == first.sampling.temperature
    assert dict(steps["more_samples"].inputs)["problems"].step.name == "open_votes"
    plain = {step.name: step.directory for step in build_steps(load(BASE))}
    again = {name for name, step in steps.items() if plain.get(name) != step.directory}
    assert again >= {"open_votes", "more_samples", "pairs", "dpo"} and not again & {"sampled", "hybrid_ft_1", "ceiling"}


def test_a_leak_through_a_later_step_would_be_found() -> None:
    steps = {step.name: step for step in build_steps(load(BASE))}
    steps["pairs"] = replace(steps["pairs"], inputs=(*steps["pairs"].inputs, ("adapter", steps["ceiling"]["model"])))
    with pytest.raises(AssertionError, match="the strong model's path reads ceiling"):
        check_no_gold_leaks(tuple(steps.values()))


# Tables


@pytest.mark.parametrize("name", SHIPPED)
def test_every_step_names_its_tables_and_every_input_is_one_of_them(name: str) -> None:
    for step in build_steps(load(name)):
        assert step.recipe.tables and len(set(step.recipe.tables)) == len(step.recipe.tables), step.name
        assert all(table.name in table.step.recipe.tables for _, table in step.inputs), step.name


def test_a_misspelt_table_is_refused_when_the_graph_is_built() -> None:
    problems = build_steps(load(BASE))[0]
    with pytest.raises(
        ValueError,
        match=r"step problems \(datasetproblems\) writes no table 'train_3' .*train_2.*: its tables are train_1",
    ):
        problems["train_3"]


def test_an_attempt_refuses_a_table_that_its_recipe_does_not_name(tmp_path: Path) -> None:
    """So the tables that a job writes are the recipe's: each job runs in a test, and would stop at another name."""
    attempt = Attempt(Store.at(str(tmp_path)), build_steps(load("quickstart"))[0])
    with pytest.raises(ValueError, match=r"step problems .* writes no table 'notes'"):
        attempt.write_document("notes", {})
    assert attempt.tables == {}


# Fingerprints


def fingerprints(experiment: Experiment) -> dict[str, str]:
    return {step.name: step.fingerprint for step in build_steps(experiment)}


BEFORE = {
    "quickstart": ("26731a9eb373a370", "0353b62e91367714"),
    "gsm8k-small": ("09ce559b147f35e2", "7c0db9664b362d6c"),
    "gsm8k-llama2-7b": ("8f29377b9cace921", "eef97eb02f62cf99"),
    "gsm8k-gemma-2b": ("8c6583a3264e5461", "470ae3879e9f7e59"),
    "gsm8k-mistral-7b": ("af06c9cd3d63cf62", "eb52ec289fa6c143"),
    "math-llama2-7b": ("c0cfbd3b5f4f94ba", "0ace5bfdfef332b8"),
    "math-gemma-2b": ("5781cfda030e6088", "2b5a1e11e3732ba8"),
    "math-mistral-7b": ("6e7f024b7b0032bf", "755e54e6a200726f"),
    "olympicarena-llama3-8b": ("237509efcc34e199", "72be990ca016b6f3"),
}
"""A hash of the fingerprints of an experiment's steps, and of those with answers.equality=paper, before stage I had
other rules than agreement; without audit and report, which no step reads. They change only where a recipe's `version`
is raised (of DatasetProblems to 4), or an experiment's own values."""


def digest(found: dict[str, str]) -> str:
    short = {name: fingerprint[:16] for name, fingerprint in found.items() if name not in ("audit", "report")}
    return hashlib.sha256(json.dumps(short, sort_keys=True).encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", BEFORE)
def test_the_paper_s_recipe_keeps_the_fingerprints_of_old_stores(name: str) -> None:
    """All of them without the baseline full_icl_ft; with it, what is graded and reported is one model more."""
    without, equality = "full_icl=false", "answers.equality=paper"
    for recipe in ([], ["recipe=paper"]):
        old = fingerprints(set_fields(load(name), [*recipe, without]))
        assert digest(old) == BEFORE[name][0]
        assert digest(fingerprints(set_fields(load(name), [*recipe, without, equality]))) == BEFORE[name][1]
        new = fingerprints(set_fields(load(name), recipe))
        assert {step for step in new if new[step] != old.get(step)} == {
            "full_icl_ft",
            "test_full_icl_ft",
            "scores",
            "report",
        }


def test_a_rule_moves_only_what_follows_it() -> None:
    assert moved("pairs.rule=votes") == moved("pairs.per_problem=2")
    assert moved("dpo.weighted=true") == moved("dpo.sft_weight=0.5") == moved("dpo.beta=0.3")
    own = ["stage_one=icl_votes", SAMPLES, "labels.min_share=0.5"]
    votes, trust = (fingerprints(set_fields(load(BASE), [*own, *more])) for more in ([], ["stage_one=trust"]))
    assert {name for name in votes if votes[name] == trust[name]} >= {"icl_samples", "full_icl_ft", "weak_completions"}
    assert trust.keys() - votes.keys() == {"weak_half_sft", "weak_half_completions", "weak_reliability"}


def test_the_baseline_of_all_icl_answers_is_the_student_where_stage_one_learns_them() -> None:
    """The same work under two names would be computed once, but graded and listed twice."""
    student = fingerprints(set_fields(load(BASE), ["stage_one=icl"]))
    assert "full_icl_ft" not in student
    assert student["m_plus_1"] == fingerprints(load(BASE))["full_icl_ft"]


def moved(*assignments: str) -> set[str]:
    """Names of the steps whose directory changes with the assignments."""
    before, after = fingerprints(load(BASE)), fingerprints(set_fields(load(BASE), assignments))
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


@pytest.mark.slow
def test_fingerprints_are_the_same_in_every_process() -> None:
    code = f"""
import hashlib
import json
from w2s.experiments.catalog import load
from w2s.graph.build import build_steps
from w2s.store.store import Store
from w2s.store.attempt import Attempt
print(json.dumps([[step.fingerprint for step in build_steps(load(name))] for name in {SHIPPED!r}]))
"""
    ours = [list(fingerprints(load(name)).values()) for name in SHIPPED]
    assert [json.loads(fresh(code, PYTHONHASHSEED=seed)) for seed in ("1", "2")] == [ours, ours]


def test_steps_of_one_experiment_have_directories_of_their_own() -> None:
    """Except equal work: nothing but the name tells two steps apart that do the same."""
    for name in SHIPPED:
        found = fingerprints(load(name))
        assert len(set(found.values())) == len(found), name


def test_what_a_change_moves() -> None:
    everything = set(fingerprints(load(BASE)))
    assert moved("dpo.beta=0.3") == {"dpo", "test_dpo", "scores", "report"}
    assert moved("problems.seed=7") == everything
    assert moved("strong.revision=0000") == everything - {
        "problems",
        "weak_sft",
        "weak_completions",
        "demonstrations",
        "test_weak_floor",
    }
    assert moved("description=other") == {"report"}
    assert moved("sampled.n=9").isdisjoint({"hybrid_ft_2", "test_hybrid_ft_2", "ceiling"})
    assert moved("agreement.seed=7").isdisjoint({"icl_completions", "full_weak_ft", "ceiling"})
    assert moved("sft.epochs=3").isdisjoint({"icl_completions", "weak_sft", "consistent_1"})


def test_a_moved_model_or_file_moves_nothing() -> None:
    """With a content hash for a revision the name is no part of the identity."""
    hashed = [
        f"{part}.revision=sha256:00"
        for part in ("strong", "weak", "problems.train_1", "problems.train_2", "problems.test")
    ]
    before = set_fields(load(BASE), hashed)
    after = set_fields(before, ["strong.name=/other/place", "weak.name=/some/where", "problems.train_1.name=/x.jsonl"])
    assert fingerprints(after) == fingerprints(before) != fingerprints(load(BASE))


def test_the_field_that_holds_a_training_s_settings() -> None:
    fields = {s.name: s.settings for s in build_steps(load("quickstart")) if isinstance(s.recipe, FineTune | Prefer)}
    assert {name for name, field in fields.items() if field == name} == {"weak_sft", "dpo", "orpo"}
    assert {field for name, field in fields.items() if field != name} == {"sft"}
    own = build_steps(set_fields(load("quickstart"), ["labels.min_share=0.5", "stage_one=trust", SAMPLES]))
    assert {step.name: step.settings for step in own}["weak_half_sft"] == "weak_sft"


def test_the_field_that_holds_the_settings_of_samples() -> None:
    changes = ["labels.min_share=0.5", "stage_one=trust", SAMPLES, "iterations=2", "more_samples={}"]
    steps = build_steps(set_fields(load("quickstart"), changes))
    fields = {step.name: step.settings for step in steps if isinstance(step.recipe, Sample)}
    assert {name: field for name, field in fields.items() if field != "greedy"} == {
        "icl_samples": "icl_sampled",
        "m_plus_1_samples": "icl_sampled",
        "sampled": "sampled",
        "more_samples": "sampled",
    }
    model, test = Model(name="x"), TestProblems(test=Source(name="x.jsonl", answer="a"))
    asked = Evaluation(problems=test, model=model, answers=Answers(), greedy=Sampling(), sampled=Sampling(n=2))
    steps, _ = build_evaluation(asked, [Asked("x", model)])
    assert [step.settings for step in steps if isinstance(step.recipe, Sample)] == ["greedy", "sampled"]
