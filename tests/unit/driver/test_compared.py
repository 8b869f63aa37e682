"""Whether engine and trainer are one model: the rows of a preflight for made answers and log-probabilities."""

from dataclasses import replace

import pytest

from ray_jobs.driver.preflight.compared import allowed, same_adapter, same_base, same_ids, sides
from ray_jobs.driver.preflight.engine import Answer, Seen
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from tests.unit.models.tiny import byte_level, folder
from w2s.recipe import Prompt

QUESTIONS = ["Léo has 12 pens. How many?", "He buys 7 more."]
TEXT = " 12 + 7 = 19.\n#### 19"


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    return Tokens(load_tokenizer(folder(tmp_path_factory.mktemp("tokenizer"), byte_level())), Prompt())


@pytest.fixture
def answers(tokens: Tokens) -> list[Answer]:
    """What an engine with the same tokenizer answers: the first ends with the end token, a stop string cuts the
    second."""
    whole, cut = (tokens.completion_ids(question, TEXT) for question in QUESTIONS)
    first, second = (tuple(tokens.prompt_ids(question)) for question in QUESTIONS)
    more = tuple(tokens.tokenizer("\n\nQuestion", add_special_tokens=False)["input_ids"])
    return [
        Answer(QUESTIONS[0], first, tuple(whole), TEXT, is_ended=True),
        Answer(QUESTIONS[1], second, tuple(cut[:-1]) + more, f"{TEXT}\n\n", is_ended=False),
    ]


def test_the_same_ids(answers: list[Answer], tokens: Tokens) -> None:
    row = same_ids(answers, tokens)
    assert row.ok and row.text == (
        "2 of 2 prompts and 2 of 2 answers (1 with an end token) have the same ids in engine and training, 2 answers "
        "the same text"
    )


def test_another_start_token_is_a_fault(answers: list[Answer], tokens: Tokens) -> None:
    start = tokens.tokenizer.bos_token_id
    row = same_ids([answers[0], replace(answers[1], prompt=(start, *answers[1].prompt))], tokens)
    assert not row.ok and row.text.startswith("1 of 2 prompts and 2 of 2 answers") and "another tokenizer" in row.text


def test_a_tokenizer_that_drops_spaces_is_a_fault(answers: list[Answer], tokens: Tokens) -> None:
    class Dropping:
        """Decodes as a wrong class of tokenizer does."""

        def __getattr__(self, name: str) -> object:
            return getattr(tokens.tokenizer, name)

        def __call__(self, *given: object, **how: object) -> object:
            return tokens.tokenizer(*given, **how)

        def decode(self, ids: list[int], **how: bool) -> str:
            return tokens.tokenizer.decode(ids, **how).replace(" ", "")

    row = same_ids(answers, replace(tokens, tokenizer=Dropping()))
    assert not row.ok and "0 answers the same text" in row.text


def test_other_tokens_of_the_same_text_are_no_fault(answers: list[Answer], tokens: Tokens) -> None:
    end = tokens.completion_ids(QUESTIONS[0], TEXT)[-1]
    letters = [number for letter in TEXT for number in tokens.tokenizer(letter, add_special_tokens=False)["input_ids"]]
    assert [*letters, end] != list(answers[0].completion)
    row = same_ids([replace(answers[0], completion=(*letters, end)), answers[1]], tokens)
    assert row.ok and "2 of 2 prompts and 1 of 2 answers" in row.text and row.text.endswith(", of other tokens")


PARTS = [([1, 5, 6, 7], 2), ([1, 5, 8], 2), ([1, 9, 6, 7], 2), ([1, 9, 4], 2)]
"""Two pairs: chosen, rejected, chosen, rejected."""
TRAINED = [[-0.5, -1.0, -2.0], [-0.5, -4.0], [-0.5, -1.0, -4.0], [-0.5, -6.0]]
BASE = [[-0.5, -2.0, -3.0], [-0.5, -3.0], [-0.5, -2.0, -5.0], [-0.5, -5.0]]
SUMS = {"first_chosen_logp": -4.0, "first_rejected_logp": -5.0}
MEANS = {"first_chosen_logp": -2.0, "first_rejected_logp": -5.0}
SEEN = Seen([], BASE, TRAINED)


@pytest.mark.parametrize(("loss", "ok"), [(20 / 6, True), (20 / 6 + 0.001, True), (3.4, False), (float("nan"), False)])
def test_the_base_in_the_engine_has_the_trainer_s_first_loss(loss: float, ok: bool) -> None:
    row = same_base(PARTS, BASE, loss, allowed(["float32", "float32"]))
    assert row.ok is ok and "3.3333 nats a token in the engine" in row.text and "6 tokens" in row.text
    assert ("another model" in row.text) is not ok


@pytest.mark.parametrize(
    ("seen", "counts", "mean", "ok", "says"),
    [
        (SEEN, SUMS, False, True, "0.0000 nats a token apart: changes 1.0000 nats a token in the engine, 6 tokens"),
        (SEEN, MEANS, True, True, "0.0000 nats a token apart"),
        (SEEN, MEANS, False, False, "1.0000 nats a token apart"),
        (SEEN, SUMS | {"first_rejected_logp": -5.1}, False, False, "0.1000 nats a token apart"),
        (SEEN, SUMS | {"first_rejected_logp": float("nan")}, False, False, "nan nats"),
        (SEEN, {}, False, True, "without dpo and orpo the trainer says nothing of it"),
        (
            replace(SEEN, base=TRAINED),
            SUMS,
            False,
            False,
            "changes 0.0000 nats a token in the engine, 6 tokens: without",
        ),
        (replace(SEEN, base=[]), SUMS, False, True, "0.0000 nats a token apart: 6 tokens"),  # a whole model
    ],
)
def test_the_adapter_changes_the_engine_to_the_trainer_s_model(
    seen: Seen, counts: dict[str, float], mean: bool, ok: bool, says: str
) -> None:
    row = same_adapter(PARTS, seen, counts, mean, 0.005)
    assert row.ok is ok and says in row.text, row
    assert row.check == ("adapter" if seen.base else "whole model")


def test_the_coarsest_dtype_decides() -> None:
    assert allowed(["float32", "bfloat16"]) == allowed(["bfloat16"]) > allowed(["float16"]) > allowed(["float32"])


def test_sides_of_rows() -> None:
    assert sides({"input_ids": [1, 2, 3], "labels": [-100, -100, 3]}) == [([1, 2, 3], 2)]
    pair = {"prompt_ids": [1], "chosen_ids": [2, 3], "rejected_ids": [4]}
    assert sides(pair) == [([1, 2, 3], 1), ([1, 4], 1)]
