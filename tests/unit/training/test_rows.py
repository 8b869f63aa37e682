"""Token rows of a training's inputs: the same in one file and in many, counted, and refused before workers start."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.runtime import shards
from ray_jobs.training.rows import files
from ray_jobs.training.rows.counts import TokenFiles
from ray_jobs.training.rows.encode import pair_rows, passed_tokens, sft_rows
from ray_jobs.training.rows.files import fetch_rows, write_rows
from tests.unit.store.test_shards import here
from w2s.data.worlds import small
from w2s.experiments.quickstart import quickstart
from w2s.graph.recipes import FineTune, Prefer, Sample
from w2s.graph.step import Step, step
from w2s.method.examples import in_part
from w2s.recipe import Answers, Sampling, WorldProblems
from w2s.records import Completion, PreferencePair, Problem, Reference, SFTExample
from w2s.store import attempt as attempts
from w2s.store.attempt import Attempt
from w2s.store.store import Store

EXPERIMENT = quickstart()
MODEL = EXPERIMENT.strong
MADE = small.problems(0, "train_1", 60)
PROBLEMS = step("problems", WorldProblems())
SAMPLED = step("sampled", Sample(model=MODEL, sampling=Sampling()), problems=PROBLEMS["train_1"])
ASKED = {"problems": PROBLEMS["train_1"]}
DPO = EXPERIMENT.dpo
assert DPO is not None

GOLD = ASKED | {"references": PROBLEMS["train_1_references"]}
STEPS = {
    "references": step("sft", FineTune(model=MODEL, sft=EXPERIMENT.sft), **GOLD),
    "a part": step("half", FineTune(model=MODEL, sft=EXPERIMENT.sft, part=0.5), **GOLD),
    "completions": step(
        "all", FineTune(model=MODEL, sft=EXPERIMENT.sft, answers=Answers()), **ASKED, completions=SAMPLED["completions"]
    ),
}
EXAMPLES = step("kept", FineTune(model=MODEL, sft=EXPERIMENT.sft), examples=SAMPLED["completions"])


def prefer(**changes: Any) -> Step:
    """A training of pairs, which stand in the table of `SAMPLED`."""
    assert DPO is not None
    recipe = Prefer(model=MODEL, preference=DPO.model_copy(update=changes))
    return step("dpo", recipe, pairs=SAMPLED["completions"], adapter=EXAMPLES["model"])


def text(number: int, answer: int = 7) -> str:
    return f" {number} + 1 = {number + 1}.\n#### {answer}"


def pair(number: int, confidence: float) -> PreferencePair:
    return PreferencePair(f"q{number}", f"{number}?", text(number), text(number, 8), "weak", "7", "8", confidence)


def store_of(folder: Path, rows: Sequence[Any] = ()) -> Store:
    """A store with 60 problems, and `rows` as what was sampled, else a completion each, of which every tenth is cut."""
    store = Store.at(str(folder))
    attempt = Attempt(store, PROBLEMS)
    attempt.write_records("train_1", [Problem(made.problem_id, made.question) for made in MADE], Problem)
    references = [Reference(made.problem_id, made.answer, made.solution) for made in MADE]
    attempt.write_records("train_1_references", references, Reference)
    attempt.commit({})
    attempt = Attempt(store, SAMPLED)
    cut = [
        Completion(made.problem_id, 0, "m", text(n), "stop" if n % 10 else "length", 1, 1, 0)
        for n, made in enumerate(MADE)
    ]
    attempt.write_records("completions", rows or cut, type((rows or cut)[0]))
    attempt.commit({})
    return store


@pytest.mark.parametrize("name", STEPS)
def test_one_file_and_many_hold_the_same_rows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(folder: Path) -> tuple[TokenFiles, list[dict[str, Any]]]:
        store = store_of(folder / "store")
        written = write_rows(STEPS[name], store)
        (folder / "copies").mkdir()
        return written, fetch_rows(written, store, STEPS[name], folder / "copies").to_list()

    one, expected = rows(tmp_path / "one")
    monkeypatch.setattr(shards, "_on_ray", here)
    monkeypatch.setattr(attempts, "ROWS_PER_FILE", 9)
    monkeypatch.setattr(shards, "SHARD_BYTES", 100)
    many, found = rows(tmp_path / "many")
    assert len(one.files) == 1 and len(many.files) > 3
    assert found == expected and replace(many, files=()) == replace(one, files=())
    ids = sorted(made.problem_id for made in MADE)
    learned = {"references": ids, "a part": [i for i in ids if in_part(i, 0.5)]}.get(name)
    assert one.counts.examples == len(expected) == (len(learned) if learned else 54)
    assert one.left_out == ({} if learned else {"left_out_truncated": 6})
    assert one.counts.tokens == sum(len(row["input_ids"]) for row in expected)
    if learned:
        tokenizer = load_tokenizer(base_folder(MODEL))
        asked = {made.problem_id: made.question for made in MADE}
        prompts = [tokenizer.decode(row["input_ids"]) for row in expected]
        assert all(asked[i] in prompt for i, prompt in zip(learned, prompts, strict=True)), "in order of problem_id"


@pytest.mark.parametrize(
    ("row", "tokens"),
    [
        ({"input_ids": [1, 2, 3], "labels": [-100, 2, 3]}, 3),
        ({"prompt_ids": [1, 2], "chosen_ids": [3], "rejected_ids": [4, 5, 6], "weight": 0.5}, 8),
    ],
)
def test_tokens_are_those_that_pass_through_the_model(row: dict[str, Any], tokens: int) -> None:
    assert passed_tokens(row) == tokens


def test_weights_have_a_mean_of_one(tmp_path: Path) -> None:
    """Of the pairs that are trained on: a pair that is too long is none of them."""
    given = [pair(1, 0.25), pair(2, 0.5), replace(pair(3, 1.0), chosen=text(3) * 200)]
    store, trained = store_of(tmp_path / "store", given), prefer(weighted=True)
    written = write_rows(trained, store)
    assert (written.counts.examples, written.counts.too_long, written.weight) == (2, 1, 0.75)
    rows = fetch_rows(written, store, trained, tmp_path).to_list()
    assert [written.weight_scale * row["weight"] for row in rows] == pytest.approx([2 / 3, 4 / 3])
    assert write_rows(prefer(), store).weight_scale == 1.0


TOO_LONG = [SFTExample("q", "Why?", text(1) * 300, "weak")]
REFUSED: list[tuple[str, Step, list[Any], str]] = [
    ("every row is too long", EXAMPLES, TOO_LONG, r"^kept: none of 1 examples .* 1 are longer than sft.max_tokens=256"),
    (
        "every row has a stop string",
        EXAMPLES,
        [SFTExample("q", "Why?", "so.\nQuestion: 3", "weak")],
        r"^kept: none of 1 examples .* 1 contain a stop string of the model \('Question', 'Answer'\)",
    ),
    ("no confidence", prefer(weighted=True), [pair(1, 0.0)], r"^dpo: all pairs have a confidence of 0.* dpo.weighted="),
    ("nothing whole", STEPS["completions"], [Completion("q", 0, "m", "4", "length", 1, 1, 0)], r"^all has nothing to"),
]


@pytest.mark.parametrize(("trained", "rows", "message"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_cannot_be_trained_on_is_refused(trained: Step, rows: list[Any], message: str, tmp_path: Path) -> None:
    if isinstance(rows[0], Completion):
        rows = [replace(row, problem_id=MADE[0].problem_id) for row in rows]
    store = store_of(tmp_path, rows)
    with pytest.raises(ValueError, match=message):
        write_rows(trained, store)


def test_a_damaged_file_is_not_trained_on(tmp_path: Path) -> None:
    trained, store = STEPS["references"], store_of(tmp_path / "store")
    written = write_rows(trained, store)
    place = Path(store.objects.absolute(f"{trained.directory}/{written.files[0].path}"))
    place.write_bytes(place.read_bytes()[:-9] + b"x" * 9)
    with pytest.raises(ValueError, match=r"00000.arrow is damaged"):
        fetch_rows(written, store, trained, tmp_path)


def test_a_prompt_is_encoded_once_a_row() -> None:
    """Encoding is nearly all of the work: two texts for an example, three for a pair."""
    tokens = Tokens(load_tokenizer(base_folder(MODEL)), MODEL.prompt)
    encoded: list[str] = []
    plain = tokens._text_ids  # pyright: ignore[reportPrivateUsage]
    tokens._text_ids = lambda texts: encoded.extend(texts) or plain(texts)  # pyright: ignore[reportPrivateUsage]
    sft_rows([SFTExample("q", "Why?", text(1), "weak")], tokens)
    assert len(encoded) == 2
    pair_rows([pair(1, 1.0)], tokens)
    assert len(encoded) == 5


def test_rows_that_repeat_are_cut_into_tasks_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They compress to few bytes, but each is encoded. A worker loads the tokenizer once for all of its tasks."""
    loaded: list[Path] = []
    monkeypatch.setattr(files, "load_tokenizer", lambda folder: loaded.append(folder) or load_tokenizer(folder))
    files._tokenizer.cache_clear()  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(shards, "_on_ray", here)
    monkeypatch.setattr(attempts, "ROWS_PER_FILE", 10)
    monkeypatch.setattr(files, "SHARD_ROWS", 20)
    repeated = [SFTExample(f"q{number:03d}", "Why?", text(1), "weak") for number in range(60)]
    written = write_rows(EXAMPLES, store_of(tmp_path / "store", repeated))
    assert (len(written.files), written.counts.examples, len(loaded)) == (3, 60, 1)


@pytest.mark.parametrize(("rows", "by_the_driver"), [(60, True), (59, False)])
def test_the_driver_tokenizes_only_a_small_step(
    rows: int, by_the_driver: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def on_ray(tasks: Sequence[shards.Task], *rest: Any) -> Any:
        asked.append(len(tasks))
        return here(tasks, *rest)

    monkeypatch.setattr(shards, "_on_ray", on_ray)
    monkeypatch.setattr(files, "DRIVER_ROWS", rows)
    write_rows(STEPS["references"], store_of(tmp_path / "store"))
    assert asked == ([] if by_the_driver else [1])
