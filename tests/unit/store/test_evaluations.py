"""`w2s gc --keep` and evaluations: they stay with the models that they asked."""

from pathlib import Path
from typing import Any

import pytest

from ray_jobs.cli.main import main
from tests.unit.cli.small_run import commit, completion, scores, small_run, steps_of
from w2s.graph.evaluate import Asked, build_evaluation
from w2s.graph.recipes import ForeignAdapter, Sample
from w2s.graph.step import Step
from w2s.recipe import Answers, Evaluation, Model, Sampling, Source
from w2s.recipe.problems import TestProblems
from w2s.records import Problem, Reference
from w2s.store.maintenance.evaluations import evaluations
from w2s.store.revisions import known_contents
from w2s.store.store import Store

BASE = Model(name="other/model", revision="0")


def evaluated(store: Store, asked: Asked, data: str = "exam") -> dict[str, str]:
    """Finish an evaluation of one model. Returns the directories of its steps by name."""
    source = Source(name=f"{data}.jsonl", revision=f"sha256:{data}", solution="solution")
    made = Evaluation(problems=TestProblems(test=source), model=None, answers=Answers(), greedy=Sampling())
    tables: dict[str, dict[str, list[Any]]] = {
        "problems": {"test": [Problem("x", data)], "test_references": [Reference("x", "4", "#### 4")]},
        f"test_{asked.name}": {"completions": [completion("x", "4")]},
        f"scores_{asked.name}": {"scores": scores([asked.name])[:1]},
    }
    for name in ("problems", *tables):  # the problems name the others by their rows
        steps = {step.name: step for step in build_evaluation(made, [asked], known_contents(made.problems, store))[0]}
        if name in tables and store.manifest(steps[name]) is None:
            commit(store, steps[name], tables[name])
    return {name: step.directory for name, step in steps.items()}


def test_an_evaluation_goes_with_the_model_that_it_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = small_run(tmp_path)
    dpo = next(step for step in steps_of(store) if step.name == "test_dpo")
    assert isinstance(dpo.recipe, Sample)
    foreign = Step("adapter", ForeignAdapter(name="/elsewhere", revision="sha256:1"))
    commit(store, foreign, {"model": [("adapter_config.json", b"{}")]})
    of_dpo = evaluated(store, Asked("dpo", dpo.recipe.model, dpo.input("adapter")))
    of_base = evaluated(store, Asked("base", BASE))
    of_foreign = evaluated(store, Asked("mine", BASE, foreign["model"]), "other")
    everything = {*of_dpo.values(), *of_base.values(), *of_foreign.values(), foreign.directory}
    kept = {step.directory for step in steps_of(store)}
    assert evaluations(store, kept) - kept == everything
    assert evaluations(store, set()) == everything - {of_dpo["test_dpo"], of_dpo["scores_dpo"]}
    assert main(["gc", "--store", str(tmp_path), "--keep", "quickstart", "--dry-run"]) == 0
    assert "0 objects, 0 bytes would be removed" in capsys.readouterr().out


def test_a_half_done_evaluation_and_another_experiment_go(tmp_path: Path) -> None:
    store = small_run(tmp_path)
    ours = {step.directory for step in steps_of(store)}
    assert evaluations(store, set()) == set(), "the steps of an experiment are no evaluation's"
    assert evaluations(store, ours) <= ours
    of_base = evaluated(store, Asked("base", BASE))
    store.objects.remove([store.objects.path(of_base["scores_base"], "manifest.json")])
    assert evaluations(Store.at(str(tmp_path)), set()) == {of_base["problems"], of_base["test_base"]}


def test_answers_that_an_experiment_asked_for_first_stay_too(tmp_path: Path) -> None:
    """The grading step of an evaluation reads them in the step of an experiment, which goes otherwise."""
    store = small_run(tmp_path)
    steps = {step.name: step for step in steps_of(store)}
    base = steps["test_strong_base"]
    assert isinstance(base.recipe, Sample)
    source = Source(name="same.jsonl", revision="sha256:same", solution="solution", id="id")
    made = Evaluation(problems=TestProblems(test=source), model=None, answers=Answers(), greedy=base.recipe.sampling)
    problems = [Problem("test-0", "2 + 2?"), Problem("test-1", "3 + 3?")]
    gold = [Reference("test-0", "4", "#### 4"), Reference("test-1", "6", "#### 6")]
    asked = Asked("strong_base", base.recipe.model)
    (first, *_), _ = build_evaluation(made, [asked])
    commit(store, first, {"test": problems, "test_references": gold})
    (_, answers, verdicts), _ = build_evaluation(made, [asked], known_contents(made.problems, store))
    assert answers.directory == base.directory
    commit(store, verdicts, {"scores": scores(["strong_base"])})
    assert evaluations(store, set()) == {first.directory, base.directory, verdicts.directory}
