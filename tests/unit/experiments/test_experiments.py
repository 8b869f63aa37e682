"""Shipped experiments, loading and changing them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import fresh
from w2s.data.gold import check_gold
from w2s.experiments.catalog import load, names
from w2s.experiments.overrides import set_fields
from w2s.graph.build import build_steps
from w2s.graph.step import with_upstream
from w2s.recipe import DatasetProblems, Experiment, Preference, Sampling, WorldProblems

SHIPPED = names()
BASE = "gsm8k-gemma-2b"


# Shipped experiments

ON_A_LAPTOP = ("quickstart", "hard", "programs", "gsm8k-small")


def test_names() -> None:
    papers = [
        "gsm8k-llama2-7b",
        "gsm8k-gemma-2b",
        "gsm8k-mistral-7b",
        "math-llama2-7b",
        "math-gemma-2b",
        "math-mistral-7b",
    ]
    assert names() == ["quickstart", "hard", "programs", "gsm8k-small", *papers, "olympicarena-llama3-8b"]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_experiment_is_whole(name: str) -> None:
    experiment = load(name)
    check_gold(experiment)
    steps = build_steps(experiment)
    assert experiment.name == name
    assert experiment.description and "\n" not in experiment.description
    assert steps[-1].name == "report"
    assert len({step.name for step in steps}) == len(steps)
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment


def test_a_graph_of_many_rounds_is_walked_step_by_step_not_path_by_path() -> None:
    """Every round doubles the number of paths from the report to the problems: walking them all would not end."""
    steps = build_steps(set_fields(load("quickstart"), ["iterations=40"]))
    assert len(steps) > 300 and with_upstream(steps) == steps
    assert {one.name for one in steps[-1].open_revisions} == {
        load("quickstart").weak.name,
        load("quickstart").strong.name,
    }


def test_paper_s_values() -> None:
    """the paper: sizes, iterations, samples, pairs, and which experiment differs in what."""
    gsm8k, math, olympic = load("gsm8k-llama2-7b"), load("math-mistral-7b"), load("olympicarena-llama3-8b")
    assert (gsm8k.iterations, math.iterations) == (2, 1)
    assert gsm8k.sampled == Sampling(n=10, temperature=1.0, max_tokens=1024)
    assert math.sampled == olympic.sampled == Sampling(n=10, temperature=1.0, max_tokens=2048)
    assert (gsm8k.pairs.per_problem, math.pairs.per_problem, olympic.pairs.per_problem) == (1, 3, 3)
    assert [load(f"math-{weak}").agreement.top_up for weak in ("llama2-7b", "gemma-2b", "mistral-7b")] == [
        0,
        1000,
        2000,
    ]
    assert olympic.weak_sft is None and not olympic.ceiling and olympic.weak.prompt.style == "chat"
    assert isinstance(math.problems, DatasetProblems)
    assert (math.problems.train_1.rows, math.problems.train_2.rows) == ((0, 6000), (6000, 12000))


@pytest.mark.parametrize("name", [name for name in SHIPPED if name not in ON_A_LAPTOP])
def test_dataset_experiments_are_pinned_and_their_halves_disjoint(name: str) -> None:
    experiment = load(name)
    assert isinstance(experiment.problems, DatasetProblems)
    train_1, train_2, test = experiment.problems.train_1, experiment.problems.train_2, experiment.problems.test
    for one in (experiment.weak, experiment.strong, train_1, train_2, test):
        assert one.revision is not None and len(one.revision) == 40 and int(one.revision, 16) >= 0
    if train_1.name == train_2.name:
        assert train_1.rows is not None and train_2.rows is not None
        assert train_1.rows[1] <= train_2.rows[0]


def test_building_all_experiments_imports_nothing_slow() -> None:
    code = f"""
import sys
from w2s.experiments.catalog import load
for name in {SHIPPED!r}:
    load(name)
slow = ("ray", "torch", "transformers", "vllm", "datasets", "huggingface_hub", "pyarrow", "fsspec")
print([name for name in slow if name in sys.modules])
"""
    assert fresh(code) == "[]\n"


# Loading


def test_unknown_experiment_names_the_closest_and_all() -> None:
    with pytest.raises(
        ValueError,
        match=r"no experiment 'gsm8k-gema-2b' \(did you mean gsm8k-gemma-2b\?\): give one of .*arena-llama3-8b, or",
    ):
        load("gsm8k-gema-2b")
    with pytest.raises(ValueError, match=r"no experiment 'x:y': give one of quickstart"):
        load("x:y")


OWN = """
from dataclasses import dataclass
from w2s.experiments.catalog import load
from w2s.recipe import Sampling

@dataclass
class Local:
    size: int

def own():
    return load("gsm8k-gemma-2b").model_copy(update={"name": "own"})

def raises():
    return {}["missing"]

def invalid():
    return Sampling(n=0)

def number():
    return 5

def needs(argument):
    return argument
"""


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


def test_own_experiment(own_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(f"{own_file}:own").name == "own"
    monkeypatch.chdir(own_file.parent)
    assert load("own.py:own").name == "own"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            "nothing",
            r"own.py has no function 'nothing'; its functions are: \S+own.py:own, \S+:raises, \S+:invalid, \S+:number$",
        ),
        ("", r"name a function of \S+own.py; its functions are: "),
        ("raises", r"own.py:14 \(return \{\}\['missing'\]\): raised KeyError: 'missing'$".replace("'", "[\"']", 2)),
        ("invalid", r"own.py:17 \(return Sampling\(n=0\)\): Sampling: n: Input should be greater than or equal to 1$"),
        ("number", r"number returned a int, it must return a w2s.recipe.Experiment$"),
        ("needs", r"own.py: raised TypeError: needs\(\) missing 1 required positional argument"),
    ],
)
def test_own_experiment_refused(own_file: Path, function: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        load(f"{own_file}:{function}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(:\n", r"bad.py:1 \(def f\(:\): raised SyntaxError: "),
        ("import os\n1 / 0\n", r"bad.py:2 \(1 / 0\): raised ZeroDivisionError: division by zero"),
        ("import no_such_module\n", r"bad.py:1 \(import no_such_module\): raised ModuleNotFoundError: "),
    ],
)
def test_own_file_broken(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(ValueError, match=message):
        load(f"{tmp_path / 'bad.py'}:f")


def test_own_file_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no file .*nowhere.py"):
        load(f"{tmp_path / 'nowhere.py'}:f")


# --set

SETS: list[tuple[str, Callable[[Any], Any], Any]] = [
    ("sft.learning_rate=2e-4", lambda e: e.sft.learning_rate, 2e-4),
    ("sft.epochs=3", lambda e: e.sft.epochs, 3.0),
    ("sampled.n=4", lambda e: e.sampled.n, 4),
    ("ceiling=false", lambda e: e.ceiling, False),
    ("ceiling=False", lambda e: e.ceiling, False),
    ("weak_sft=none", lambda e: e.weak_sft, None),
    ("weak_sft=null", lambda e: e.weak_sft, None),
    ("orpo=None", lambda e: e.orpo, None),
    ('orpo={"loss": "orpo", "beta": 0.5}', lambda e: e.orpo, Preference(loss="orpo", beta=0.5)),
    ("problems.train_1.rows=[0, 10]", lambda e: e.problems.train_1.rows, (0, 10)),
    ("problems.train_1.rows=none", lambda e: e.problems.train_1.rows, None),
    ('problems.train_1.where=[["level", ["1", "2"]]]', lambda e: e.problems.train_1.where, (("level", ("1", "2")),)),
    ("problems.overlap=keep", lambda e: e.problems.overlap, "keep"),
    ("problems.train_1.revision=none", lambda e: e.problems.train_1.revision, None),
    ("problems.train_1.revision=123", lambda e: e.problems.train_1.revision, "123"),
    ("problems.train_1.name=none", lambda e: e.problems.train_1.name, "none"),
    ("problems.solution_ending= The answer: {answer}", lambda e: e.problems.solution_ending, " The answer: {answer}"),
    ("sampled.n= 4 ", lambda e: e.sampled.n, 4),
    ("name=[1]", lambda e: e.name, "[1]"),
    ("strong.prompt.template=a=b {question}", lambda e: e.strong.prompt.template, "a=b {question}"),
    ('strong.prompt.stop=["###"]', lambda e: e.strong.prompt.stop, ("###",)),
    (
        'problems={"train_1": 5, "train_2": 6, "test": 7}',
        lambda e: e.problems,
        WorldProblems(train_1=5, train_2=6, test=7),
    ),
]


@pytest.mark.parametrize(("assignment", "read", "expected"), SETS, ids=[one[0] for one in SETS])
def test_set_changes_one_field(assignment: str, read: Callable[[Any], Any], expected: Any) -> None:
    before = load(BASE)
    after = set_fields(before, [assignment])
    assert read(after) == expected
    assert type(read(after)) is type(expected)
    path = assignment.partition("=")[0]
    assert flat(after, path) == flat(before, path)


def flat(experiment: Experiment, without: str) -> str:
    """The experiment as text, but for one field."""
    data = experiment.model_dump(mode="json")
    *parents, last = without.split(".")
    inner = data
    for name in parents:
        inner = inner[name]
    del inner[last]
    return json.dumps(data)


def test_set_in_order() -> None:
    changed = set_fields(
        load(BASE), ["orpo=none", 'orpo={"loss": "orpo"}', "orpo.beta=0.5", "sampled.n=2", "sampled.n=3"]
    )
    assert changed.orpo == Preference(loss="orpo", beta=0.5)
    assert changed.sampled.n == 3
    assert set_fields(load(BASE), []) == load(BASE)


BAD_SETS = [
    (
        ["sft.learning_rte=1"],
        r"--set sft.learning_rte=1: SFT has no field 'learning_rte' \(did you mean learning_rate\?\); it has .*epochs",
    ),
    (["sfft.epochs=1"], r"Experiment has no field 'sfft' \(did you mean sft\?\); it has name, description"),
    (["sft.learning_rate=fast"], r"--set sft.learning_rate=fast: learning_rate: Input should be a valid number$"),
    (["sft.learning_rate=-1"], r"learning_rate: Input should be greater than 0$"),
    (["sft.learning_rate=NaN"], r"learning_rate: .*finite"),
    (["sampled.n=1.5"], r"n: Input should be a valid integer"),
    (["sampled.n=true"], r"n: Input should be a valid integer"),
    (['sampled.n="4"'], r"n: Input should be a valid integer"),
    (["sampled.n="], r"n: Input should be a valid integer"),
    (["ceiling=maybe"], r"ceiling: Input should be a valid boolean"),
    (["ceiling=1"], r"ceiling: Input should be a valid boolean"),
    (["sft=none"], r"sft: Input should be an object"),
    (["answers.family=gsm"], r"family: Input should be 'gsm8k', 'math', 'olympicarena' or 'plain'"),
    (["problems.train_1.rows=[0]"], r"rows.1: Field required"),
    (["problems.train_1.rows=0-10"], r"rows: Input should be a valid "),
    (
        ["orpo=none", "orpo.beta=1"],
        r"--set orpo.beta=1: orpo is none in this experiment: set all of it first, --set 'orpo=\{...\}'",
    ),
    (["sft.epochs.x=1"], r"epochs is 2.0 and has no fields: set epochs itself"),
    (["greedy.n=2"], r"--set greedy.n=2: greedy must have n=1 and temperature=0, not n=2"),
    (["orpo.loss=dpo"], r"orpo.loss is 'dpo', it must be 'orpo'"),
    (["orpo.sft_weight=1"], r"sft_weight belongs to dpo"),
    (["strong.prompt.template=x"], r"template 'x' must contain \{question\} exactly once"),
    (["greedy.n=2", "greedy.temperature=1"], r"--set greedy.n=2, greedy.temperature=1: greedy must have n=1 and"),
    (["sft.epochs=1", "sft.learning_rate=-1"], r"--set sft.learning_rate=-1: learning_rate: Input should be greater"),
    (["sft.epochs=many", "sft.epochs=1"], r"--set sft.epochs=many: epochs: Input should be a valid number"),
    (["sft.epochs=1", "sft.epoch=2"], r"--set sft.epoch=2: SFT has no field 'epoch' \(did you mean epochs\?\)"),
    (["sft.epochs"], r"--set sft.epochs: must be FIELD=VALUE, like sft.learning_rate=2e-4"),
    (["=1"], r"--set =1: must be FIELD=VALUE"),
    (["sft.=1"], r"SFT has no field ''"),
]


@pytest.mark.parametrize(("assignments", "message"), BAD_SETS, ids=[one[0][-1] for one in BAD_SETS])
def test_set_refuses(assignments: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        set_fields(load(BASE), assignments)
    assert "\n" not in str(caught.value)
    assert type(caught.value) is ValueError
