"""`w2s eval` and `w2s chat`: what they refuse before anything starts, their figures, and hostile answers.

Chat with servers and with damaged models: test_chat.py.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.cli.asking.chat import converse
from ray_jobs.cli.asking.figures import document
from ray_jobs.cli.main import main
from ray_jobs.models.adapters import adapter_revision, read_adapter
from ray_jobs.selection.adapters import foreign_adapter
from tests.unit.cli.small_run import HOSTILE, commit, completion, scores, small_run, steps_of
from w2s.graph.evaluate import Asked, build_evaluation
from w2s.graph.recipes import ForeignAdapter
from w2s.graph.step import Step
from w2s.recipe import Answers, Evaluation, Model, Sampling, Source
from w2s.recipe.problems import TestProblems
from w2s.records import Completion, Problem, Reference, Score
from w2s.report.evaluation import figures, length_group, sampled_figures, text
from w2s.store.attempt import Attempt
from w2s.store.revisions import known_contents
from w2s.store.store import Store

DATA = '{"question": "1 + 1?", "solution": "2\\n#### 2"}\n'
GOLD = ["--with", "problems.test.solution=solution"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asking")
    small_run(folder / "store", without=("orpo", "test_orpo", "scores", "report"))
    (folder / "data.jsonl").write_text(DATA)
    for name, config in (("dora", '{"peft_type": "LORA", "r": 8, "use_dora": true}'), ("list", "[]"), ("text", "r: 8")):
        (folder / name).mkdir()
        (folder / name / "adapter_config.json").write_text(config)
        (folder / name / "adapter_model.safetensors").write_bytes(b"")
    return folder


EVAL_MISTAKES: list[tuple[list[str], str]] = [
    (["quickstrat", "--data", "data.jsonl"], "no experiment 'quickstrat' (did you mean quickstart?)"),
    (["quickstart", "dpo", "--data", "absent.jsonl", *GOLD], "--data absent.jsonl: there is no file absent.jsonl"),
    (["quickstart", "dpo", "--data", "data.jsonl"], "--data data.jsonl has no gold"),
    (["quickstart", "orpo", "--data", "data.jsonl", *GOLD], "orpo: step orpo is not finished in"),
    (["quickstart", "dpp", "--data", "data.jsonl", *GOLD], "no model 'dpp' (did you mean dpo?)"),
    (["quickstart", "pairs", "--data", "data.jsonl", *GOLD], "step pairs trains no model: the models are weak_floor,"),
    (["quickstart", "--adapter", "x", "--data", "data.jsonl", *GOLD], "--adapter x: is for a MODEL"),
    (["./absent", "--data", "data.jsonl", *GOLD], "model.name='./absent': there is no folder"),
    (["package:w2s/experiments", "dpo", "--data", "data.jsonl", *GOLD], "dpo: is of an experiment, and package:w2s"),
    (["quickstart", "--data", "data.jsonl", "--with", "problem.test=1"], "Evaluation has no field 'problem'"),
    (["quickstart", "--data", "data.jsonl", *GOLD, "--samples", "-1"], "--samples -1: must be 0 or more"),
    (["quickstart", "--data", "data.jsonl", *GOLD, "--with", "greedy.n=2"], "must stay n=1 and temperature=0"),
    (["WEAK", "--adapter", "absent", "--data", "data.jsonl", *GOLD], "no adapter_config.json there: give the folder"),
    (["WEAK", "--adapter", "dora", "--data", "data.jsonl", *GOLD], "and it is r=8, with use_dora: merge it"),
    (["WEAK", "--adapter", "list", "--data", "data.jsonl", *GOLD], "its adapter_config.json must be that of a LoRA"),
    (["WEAK", "--adapter", "text", "--data", "data.jsonl", *GOLD], "its adapter_config.json is not JSON in UTF-8"),
]  # fmt: skip
CHAT_MISTAKES: list[tuple[list[str], str]] = [
    (["quickstart", "orpo"], "orpo: step orpo is not finished in"),
    (["quickstart", "dpp"], "no model 'dpp' (did you mean dpo?)"),
    (["quickstart", "audit"], "step audit trains no model"),
    (["quickstart", "dpo", "--url", "file:///etc/passwd"], "must begin with http:// or https://"),
    (["quickstart", "dpo", "--served", "x"], "--served x: needs --url"),
    (["quickstart", "dpo", "--url", "http://127.0.0.1:1"], "/v1/models: no OpenAI-compatible server answers"),
    (["quickstart", "dpo", "--set", "dpo.beta=9"], "dpo: step dpo is not finished in"),
]


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [("eval", *one) for one in EVAL_MISTAKES] + [("chat", *one) for one in CHAT_MISTAKES],
)
def test_a_mistake_is_one_line(
    command: str,
    arguments: list[str],
    said: str,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(place)
    weak = steps_of(Store.at(str(place / "store")))[1].recipe.model.name  # pyright: ignore
    given = [weak if word == "WEAK" else word for word in arguments]
    before = sorted((place / "store").rglob("*"))
    assert main([command, *given, "--store", "store"]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1, error
    assert sorted((place / "store").rglob("*")) == before, "something was written"


def test_a_conversation_shows_no_character_that_could_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return f"one\r\nw2s: two {HOSTILE}\x9b2J\x08"

    converse(["  What is 1 + 1?\n", "\n", "And 2?"], answer, prompts=False)
    shown = capsys.readouterr().out
    assert asked == ["What is 1 + 1?", "And 2?"]
    assert all(line.startswith("    ") and line.isprintable() for line in shown.splitlines()) and "owned" in shown


# Figures

PROBLEMS = [Problem(f"p{n}", "?", kind="NV", level="easy" if n < 2 else "hard") for n in range(4)]


def score(problem_id: str, answer: str, verdict: str) -> Score:
    return Score(problem_id, "m", answer, verdict, "" if answer else "unreadable:no_marker")


def test_accuracy_by_level_kind_and_length() -> None:
    verdicts = ["right", "wrong", "right", "undecided"]
    answers = [Completion(f"p{n}", 0, "m", "x", "stop", 1, 40 * (n + 1), 1) for n in range(4)]
    found = figures("m", PROBLEMS, [score(f"p{n}", "1", one) for n, one in enumerate(verdicts)], answers)
    assert found["accuracy"]["value"] == 0.5 and found["undecided"] == 1 and found["tokens"] == 100
    assert {name: group["value"] for name, group in found["level"].items()} == {"easy": 0.5, "hard": 0.5}
    assert {name: group["denominator"] for name, group in found["kind"].items()} == {"NV": 4}
    lengths = {name: group["numerator"] for name, group in found["length"].items()}
    assert lengths == {"33-64 tokens": 1, "65-128 tokens": 1, "129-256 tokens": 0}
    assert [length_group(n) for n in (0, 32, 33, 64, 65)] == [
        "0-32 tokens", "0-32 tokens", "33-64 tokens", "33-64 tokens", "65-128 tokens",
    ]  # fmt: skip


def test_pass_and_majority_at_k() -> None:
    rows = [("p0", "1", "right"), ("p0", "1", "right"), ("p0", "2", "wrong")]
    rows += [("p1", "3", "wrong"), ("p1", "3", "wrong"), ("p1", "4", "right")]
    found = sampled_figures([score(*row) for row in rows], PROBLEMS[:2])
    assert list(found) == ["pass@1", "pass@2", "pass@3", "maj@3"]
    assert found["pass@1"]["value"] == pytest.approx(0.5) and found["pass@3"]["value"] == 1.0
    assert found["pass@2"]["value"] == pytest.approx((1 + 2 / 3) / 2) and found["maj@3"]["value"] == 0.5


# The store


def test_models_on_the_same_rows_are_paired_whoever_graded_them(tmp_path: Path) -> None:
    store = small_run(tmp_path / "store")
    rows = [{"question": "2 + 2?", "solution": "#### 4", "id": "test-0"}]
    rows += [{"question": "3 + 3?", "solution": "#### 6", "id": "test-1"}]
    (tmp_path / "same.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (tmp_path / "other.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows[:1]))
    ours = {step.name: step for step in steps_of(store)}
    answers: Answers = ours["scores"].recipe.answers  # pyright: ignore
    asked = Asked("mine", Model(name="other/model", revision="0"))

    def differences(name: str) -> dict[str, float]:
        source = Source(name=str(tmp_path / name), revision=f"sha256:{name}", solution="solution", id="id")
        made = Evaluation(problems=TestProblems(test=source), model=None, answers=answers, greedy=Sampling())
        steps, verdicts = build_evaluation(made, [asked], known_contents(made.problems, store, read=True))
        count = len((tmp_path / name).read_text().splitlines())
        problems = [Problem(f"test-{n}", ("2 + 2?", "3 + 3?")[n]) for n in range(count)]
        gold = [Reference(f"test-{n}", ("4", "6")[n], f"#### {(4, 6)[n]}") for n in range(count)]
        tables: dict[str, dict[str, list[Any]]] = {
            "problems": {"test": problems, "test_references": gold},
            "test_mine": {"completions": [completion(one.problem_id, "4") for one in problems]},
            "scores_mine": {
                "scores": [one for one in scores(["mine"]) if one.problem_id in {p.problem_id for p in problems}]
            },
        }
        for step in steps:
            commit(store, step, tables[step.name])
        found = document(verdicts, store)
        assert "mine" in text(found)[-1]
        return {one["baseline"]: one["value"] for one in found["differences"]}

    assert differences("other.jsonl") == {}
    found = differences("same.jsonl")
    assert found["weak_floor"] == 0.5 and found["dpo"] == 0.0 and {"strong_base", "ceiling"} <= set(found)


def test_an_evaluation_on_rows_that_were_asked_before_asks_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """No engine and no Ray start: the answers are those of the experiment, named by the rows."""
    small_run(tmp_path / "store")
    rows = [
        {"n": f"test-{n}", "question": q, "solution": f"#### {a}"} for n, q, a in ((0, "2 + 2?", 4), (1, "3 + 3?", 6))
    ]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    arguments = ["eval", "quickstart", "dpo", "weak_sft", "weak_floor", "--store", str(tmp_path / "store")]
    arguments += [
        "--data",
        str(tmp_path / "rows.jsonl"),
        *GOLD,
        "problems.test.id=n",
        "--json",
        str(tmp_path / "f.json"),
    ]
    assert main(arguments) == 0
    shown = capfd.readouterr().out
    assert "eval: 3 of 5 steps to run" in shown and "test_dpo " not in shown, shown
    found = json.loads((tmp_path / "f.json").read_text())
    assert [one["model"] for one in found["models"]] == ["dpo", "weak_floor"]
    assert all(one["accuracy"]["numerator"] == 1 and one["accuracy"]["denominator"] == 2 for one in found["models"])
    assert {"ceiling", "strong_base", "weak_icl"} <= {one["baseline"] for one in found["differences"]}
    assert main(arguments) == 0
    assert "all 5 steps are done, nothing to do" in capfd.readouterr().out


def test_a_foreign_adapter_becomes_a_step(tmp_path: Path) -> None:
    """It runs with the problems, before what reads it; its files name it, not their place."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 8}')
    (tmp_path / "mine" / "adapter_model.safetensors").write_bytes(b"weights")
    files = read_adapter(str(tmp_path / "mine"))
    recipe = ForeignAdapter(name=str(tmp_path / "mine"), revision=adapter_revision(files))
    made = Evaluation(
        problems=TestProblems(test=Source(name="x.jsonl", revision="sha256:0", answer="a")),
        model=Model(name="a/base", revision="0"),
        answers=Answers(),
        greedy=Sampling(),
    )
    adapter = Step("adapter", recipe)
    steps, _ = build_evaluation(made, [Asked("mine", Model(name="a/base", revision="0"), adapter["model"])])
    assert [step.name for step in steps] == ["problems", "adapter", "test_mine", "scores_mine"]
    assert adapter.directory == Step("adapter", recipe.model_copy(update={"name": "/elsewhere"})).directory
    store = Store.at(str(tmp_path / "store"))
    attempt = Attempt(store, adapter)
    assert "adapter of" in foreign_adapter(adapter, attempt, None)  # pyright: ignore[reportArgumentType]
    attempt.commit({})
    assert [Path(file.path).name for file in store.files(adapter["model"])] == list(files)
    (tmp_path / "mine" / "adapter_model.safetensors").write_bytes(b"others")
    with pytest.raises(ValueError, match="have changed since the command began"):
        foreign_adapter(adapter, Attempt(store, adapter), None)  # pyright: ignore[reportArgumentType]
