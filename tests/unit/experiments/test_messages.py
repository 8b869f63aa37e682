"""What a user reads who has misspelt or mistyped a field, in --set and in a file: the field, the rule, the way out."""

from pathlib import Path

import pytest

from w2s.experiments.catalog import load
from w2s.experiments.overrides import set_fields

LISTS = [
    ("sft.lora.targets=q_proj", r'targets: .*; give a list as JSON, like \["q_proj","k_proj"\]$'),
    ("weak_sft.lora.targets=q_proj,k_proj", r'^--set weak_sft.lora.targets=\S+: .*, like \["q_proj","k_proj"\]$'),
    ("strong.prompt.stop=Question:", r'stop: .*; give a list as JSON, like \["text"\]$'),
    ("sft.lora.targets=[]", r'targets: Tuple should have at least 1 item.*, like \["q_proj","k_proj"\]$'),
    ("problems.train_1.rows=0-10", r"rows: .*; give a list as JSON, like \[0,100\]$"),
    ("problems.train_1.rows=[5]", r"rows.1: Field required; give a list as JSON, like \[0,100\]$"),
    ("problems.train_1.where=level", r'where: .*; give a list as JSON, like \[\["text",\["text"\]\]\]$'),
]
RECIPES = [
    ("weak=meta-llama/Llama-3.2-1B", r"weak: .*; set weak.name=... or another of its fields, or all of it as JSON$"),
    ("strong=./folder", r"strong: .*; set strong.name=... or another"),
    ("problems.test=test.jsonl", r"test: .*; set problems.test.name=... or another"),
    ("sft=3", r"sft: .*; set sft.learning_rate=... or another"),
    ("sft.lora=8", r"lora: .*; set sft.lora.rank=... or another"),
    ("dpo=0.1", r"dpo: .*; set dpo.learning_rate=... or another"),
]
MISSPELT = [
    (
        'orpo={"loss":"orpo","bta":0.5}',
        r"orpo.bta: Preference has no field 'bta' \(did you mean beta\?\); it has learn",
    ),
    ('weak={"nme":"x"}', r"weak.(name: Field required|nme: Model has no field 'nme' \(did you mean name\?\))"),
    ('sft={"lora":{"rnk":4}}', r"sft.lora.rnk: LoRA has no field 'rnk' \(did you mean rank\?\)"),
    (
        'problems={"train_1":5,"train_2":5,"tst":5}',
        r"problems.tst: WorldProblems has no field 'tst' \(did you mean test",
    ),
    ('weak={"source":{"name":"r.jsonl","solution":"r","idd":"i"}}', r"weak.source.idd: Source has no .*mean id\?"),
]


@pytest.mark.parametrize(("assignment", "message"), LISTS + RECIPES + MISSPELT)
def test_set(assignment: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        set_fields(load("gsm8k-gemma-2b"), [assignment])
    assert "\n" not in str(caught.value)


def test_a_field_of_what_is_none_names_the_whole_path() -> None:
    with pytest.raises(
        ValueError, match=r"sft\.lora is none in this experiment: .*, --set 'sft\.lora=\{\.\.\.\}' with"
    ):
        set_fields(load("gsm8k-gemma-2b"), ["sft.lora=none", "sft.lora.rank=4"])


FILE = """
from w2s.experiments.catalog import load
from w2s.recipe import *
from w2s.recipe import Completions, Experiment, LoRA, Source

def own(depth=0):
    e = load("quickstart")
    return Experiment(
        **{k: v for k, v in dict(e).items() if k not in ("weak_sft", "sft", "dpo", "weak")},
        weak=e.weak,
        weak_sft=SFT(learning_rate=1e-4, epochs=1),
        sft=SFT(
            epochs=2,
        ),
        dpo=Preference(loss="dpo"),
    )

def second():
    return own()

def _hidden():
    return own()

class NotOne:
    pass
"""
COPIED = ('dpo=Preference(loss="dpo"),\n    )', 'dpo=Preference(loss="dpo")')
"""The ends of expressions of the file, which a row of the table copies with another field."""
IN_FILE = [
    (
        "weak_sft=SFT(learning_rate",
        "weak_sft=SFT(learning_rte",
        r":11 \(weak_sft=SFT\(.*: SFT: learning_rte: SFT has no ",
    ),
    ("SFT(learning_rate=1e-4, epochs=1)", "SFT(epoch=1)", r"SFT has no field 'epoch' \(did you mean epochs\?\)"),
    (
        "sft=SFT(\n            epochs=2",
        "sft=SFT(\n            epochs=-2",
        r":12 \(sft=SFT\(\): SFT: epochs: Input should be",
    ),
    (
        'dpo=Preference(loss="dpo")',
        'dpo=Preference(loss="dpo", beta=-1)',
        r":15 \(dpo=Preference.*: Preference: beta: Inp",
    ),
    ("weak=e.weak", 'weak="small"', r"Experiment: weak: .*; set weak.name=... or another"),
    ("weak=e.weak", "weak=e.weak, iteratons=2", r"Experiment: iteratons: Experiment has no field .*mean iterations\?"),
    ("dpo=Pref", "sft_weight=1, dpo=Pref", r"Experiment has no field 'sft_weight'"),
    (
        'dpo=Preference(loss="dpo")',
        "dpo=SFT(lora=LoRA(targets='q_proj'))",
        r'LoRA: targets: .*like \["q_proj","k_proj"\]',
    ),
    (COPIED[0], f'{COPIED[0]}.model_copy(update={{"iteratons": 2}})', r"Experiment has no field .*mean iterations\?"),
    (COPIED[0], f'{COPIED[0]}.model_copy(update={{"sft": 3}})', r"Experiment: sft: .*; set sft.learning_rate=... or"),
    (COPIED[1], f'{COPIED[1]}.model_copy(update={{"beta": -1}})', r":15 .*Preference: beta: Input should be greater"),
    (COPIED[1], f'{COPIED[1]}.model_copy(update={{"sft_wight": 1}})', r"Preference has no field .*mean sft_weight\?"),
    (COPIED[0], f'{COPIED[0]}.copy(update={{"iteratons": 2}})', r"Experiment has no field .*mean iterations\?"),
    (
        'e = load("quickstart")\n',
        'e = load("quickstart")\n    e.iterations = 2\n',
        r"frozen: make a changed copy, .*iterations",
    ),
    ("weak=e.weak", 'weak=Model(name="s3://u:p@h/m")', r":\d+: Model: name: the location carries credentials"),
]


@pytest.mark.parametrize(("before", "after", "message"), IN_FILE, ids=[one[1] for one in IN_FILE])
def test_a_file(before: str, after: str, message: str, tmp_path: Path) -> None:
    assert FILE.count(before) >= 1
    (tmp_path / "mine.py").write_text(FILE.replace(before, after, 1))
    with pytest.raises(ValueError, match=message) as caught:
        load(f"{tmp_path}/mine.py:own")
    assert "\n" not in str(caught.value) and "u:p" not in str(caught.value)


@pytest.mark.parametrize("name", ["mine.py", "mine.py:", "mine.py:ownn", "mine.py:NotOn", "./mine.py"])
def test_the_functions_of_a_file_are_listed(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    file = name.partition(":")[0]
    with pytest.raises(ValueError, match=rf"its functions are: {file}:own, {file}:second$"):
        load(name)
