"""A finished run of the quickstart over a few problems, written from records without Ray, engines or training."""

from pathlib import Path
from typing import Any

from w2s.data.gold import check_gold
from w2s.experiments.quickstart import quickstart
from w2s.graph.contents import record_of
from w2s.graph.recipes import Report
from w2s.graph.step import Step
from w2s.recipe import Model
from w2s.records import (
    Completion,
    Consensus,
    Demonstration,
    Duplicate,
    Merge,
    PreferencePair,
    Problem,
    Reference,
    Score,
    Selection,
    SFTExample,
)
from w2s.report.document import build
from w2s.store.attempt import Attempt
from w2s.store.revisions import identified_steps, identify
from w2s.store.store import Store

HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202eevil"
IDS = [f"train_2-{number:05d}" for number in range(4)]
ANSWERS = {IDS[0]: ("5", "5"), IDS[1]: ("5", "6"), IDS[2]: ("7", "7"), IDS[3]: ("1", "")}
"""The weak and the ICL answer to each problem of train_2; '' is unreadable."""


def completion(problem_id: str, answer: str, sample: int = 0, model: str = "m") -> Completion:
    text = f" so it is\n#### {answer}" if answer else f" {HOSTILE}"
    return Completion(problem_id, sample, model, text, "stop", 9, 5, 1, "", "", "</s>")


def steps_of(store: Store, **changes: Any) -> tuple[Step, ...]:
    experiment = quickstart().model_copy(update=changes)
    check_gold(experiment)
    return identified_steps(identify(experiment, store, network=False), store)


def commit(store: Store, step: Step, tables: dict[str, list[Any]], counts: dict[str, float] | None = None) -> None:
    """Finish a step with these rows; its other tables are empty."""
    attempt = Attempt(store, step)
    for name in step.recipe.tables:
        record = record_of(step[name])
        if record is not None:
            attempt.write_records(name, tables.get(name, []), record)
        elif name == "model":
            for path, data in tables.get("model") or [("adapter_config.json", b"{}")]:
                attempt.add("model", f"{attempt.name}/model/{path}", data)
        elif name == "html":
            attempt.add(name, f"{attempt.name}/report.html", b"<!doctype html>")
        else:
            attempt.write_document(name, tables.get(name, {}))
    attempt.counts.update(counts or {})
    attempt.commit({"python": "3"})


def small_run(folder: Path, without: tuple[str, ...] = (), **changes: Any) -> Store:
    """The store of a run whose steps are all finished but those of `without`."""
    store = Store.at(str(folder))
    problems, *_ = steps_of(store, **changes)
    commit(store, problems, tables_of(problems, {}))
    steps = {step.name: step for step in steps_of(store, **changes)}
    for name, step in steps.items():
        if name == "problems":
            continue
        if name not in without:
            commit(store, step, tables_of(step, steps), {"kept": 2} if step.kind == "agree" else None)
    return store


def trained_run(folder: Path, adapter: Path) -> Store:
    """A run whose dpo adapter has random weights, large enough to change every answer; also written to `adapter`."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from ray_jobs.models.folders import base_folder

    store = small_run(folder, without=("dpo", "orpo"))
    (dpo,) = (step for step in steps_of(store) if step.name == "dpo")
    torch.manual_seed(0)
    lora = quickstart().sft.lora
    assert lora is not None
    config = LoraConfig(r=lora.rank, target_modules=list(lora.targets), task_type="CAUSAL_LM", init_lora_weights=False)
    strong = quickstart().strong
    assert isinstance(strong, Model)
    base = AutoModelForCausalLM.from_pretrained(base_folder(strong), dtype=torch.float32)
    get_peft_model(base, config).save_pretrained(adapter)
    commit(store, dpo, {"model": [(path.name, path.read_bytes()) for path in sorted(adapter.glob("adapter*"))]})
    return store


def tables_of(step: Step, steps: dict[str, Step]) -> dict[str, Any]:
    """Rows of the tables of a step, by the kind of step."""
    if step.name == "problems":
        test = [Problem("test-0", "2 + 2?"), Problem("test-1", "3 + 3?")]
        return {
            "train_1": [Problem("train_1-0", "1 + 1?")],
            "train_1_references": [Reference("train_1-0", "2", "1 + 1 = 2\n#### 2")],
            "train_2": [Problem(one, f"Question {one}? {HOSTILE}", level="easy") for one in IDS],
            "train_2_references": [Reference(one, "5", "It is 5.\n#### 5") for one in IDS],
            "test": test,
            "test_references": [Reference("test-0", "4", "#### 4"), Reference("test-1", "6", "#### 6")],
            "duplicates": [Duplicate("train_2", "train_2-99999", "test", "test-0", 1.0)],
        }
    if step.name == "weak_completions":
        weak = steps["weak_sft"].directory
        return {"completions": [completion(one, ANSWERS[one][0], model=weak) for one in IDS]}
    if step.name == "icl_completions":
        return {"completions": [completion(one, ANSWERS[one][1]) for one in IDS]}
    if step.kind == "demonstrate":
        return {"demonstrations": [Demonstration(IDS[2], "Question?", "It is\n#### 7")]}
    if step.kind == "agree":
        outcomes = ("kept", "differ", "demonstration", "icl_unreadable:no_marker")
        kept = {half: [SFTExample(IDS[0], "Question?", "so it is\n#### 5", half)] for half in ("weak", "icl")}
        selection = [Selection(one, outcome, *ANSWERS[one]) for one, outcome in zip(IDS, outcomes, strict=True)]
        return kept | {"hybrid": kept["weak"] + kept["icl"], "selection": selection}
    if step.name == "sampled":
        votes = [*"5556", ""]
        return {"completions": [completion(one, votes[n], n) for one in IDS for n in range(5)]}
    if step.kind == "pair":
        pair = PreferencePair(IDS[1], "Question?", "right\n#### 6", "wrong\n#### 5", "strong", "6", "5", 0.8)
        consensus = [Consensus(one, "5", 3, 5, 0.6, "5", "paired" if one == IDS[1] else "tie") for one in IDS]
        return {"consensus": consensus, "pairs": [pair], "merges": [Merge(IDS[0], "5.0", "5", "equal numbers")]}
    if step.kind == "sample":
        return {"completions": [completion("test-0", "4"), completion("test-1", "7")]}
    if step.kind == "grade":
        models = [role for role, _ in step.inputs if role not in ("problems", "references")]
        return {"scores": scores(models)}
    if isinstance(step.recipe, Report):
        models = [role for role, _ in steps["scores"].inputs if role not in ("problems", "references")]
        details: dict[str, Any] = {"seconds": {}, "estimates": {"kinds": [], "notes": []}}
        return {"report": build(step.recipe, scores(models), models, {}, {}, {}, details)}
    if step.kind in ("finetune", "prefer"):
        return {"losses": [{"step": 1, "loss": 0.5}]}
    return {}


def scores(models: list[str]) -> list[Score]:
    """The weak floor gets one of two problems right, every other model both."""
    return [
        Score(one, model, "4", "wrong" if (model, one) == ("weak_floor", "test-1") else "right", "")
        for one in ("test-0", "test-1")
        for model in models
    ]
