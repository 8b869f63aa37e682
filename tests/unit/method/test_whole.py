"""Which completions are whole: what max_tokens or a stop string cut is no label, no demonstration and no side of a
pair."""

import pytest

from tests.unit.method.whole_tables import agreement
from w2s.answers import Unreadable, read
from w2s.data.gold import check_stop_strings
from w2s.experiments.quickstart import quickstart
from w2s.method.demonstrations import choose_demonstrations
from w2s.method.examples import examples_from_completions
from w2s.method.pairs import pair_problem
from w2s.method.whole import answer_of, obstacle, part_read
from w2s.recipe import Agreement, Answers, Demonstrations, Model, Pairs, Prompt
from w2s.records import Completion, Problem, Reference

RIGHT = "12 + 7 = 19.\n#### 19"
ASKS_ITSELF = f"{RIGHT}\n\nQuestion: And 3 more?\nAnswer: 22.\n#### 2"
CASES = [
    # family, text, finish reason, stop string, class or reason, obstacle to training
    ("gsm8k", RIGHT, "stop", "", "19", None),
    ("gsm8k", f"{RIGHT}\n\n", "stop", "Question", "19", None),
    ("gsm8k", f"{RIGHT}\n", "stop", "Answer", "19", None),
    ("gsm8k", "**", "stop", "Answer", "cut", "cut"),
    ("gsm8k", "Final ", "stop", "Answer", "cut", "cut"),
    ("gsm8k", "<think>The ", "stop", "Question", "cut", "cut"),
    ("gsm8k", "12 + 7 = 19.\n", "stop", "Answer", "cut", "cut"),
    ("gsm8k", "#### 1 ", "stop", "Question", "cut", "cut"),
    ("gsm8k", f"{RIGHT}\nThe ", "stop", "Answer", "cut", "cut"),
    ("gsm8k", RIGHT, "stop", "</answer>", "19", None),
    ("gsm8k", "12 + 7", "stop", "</answer>", "cut", "cut"),
    ("gsm8k", RIGHT, "length", "", "truncated", "truncated"),
    ("gsm8k", ASKS_ITSELF, "length", "", "truncated", "truncated"),
    ("gsm8k", ASKS_ITSELF, "stop", "", "19", None),
    ("gsm8k", "I give up.", "stop", "", "no_marker", None),
    ("gsm8k", "The Question asks for a sum.\n#### 19", "stop", "", "19", None),
    ("gsm8k", "I give up.\n\nQuestion: next\n#### 19", "stop", "", "no_marker", "cut"),
    ("gsm8k", "Question: what?", "stop", "", "empty", "empty"),
    ("gsm8k", " ", "stop", "", "empty", "empty"),
    ("gsm8k", " ", "stop", "Question", "cut", "cut"),
    ("gsm8k", "", "error", "", "error", "error"),
    ("math", "So \\boxed{", "stop", "Answer", "cut", "cut"),
    ("math", "The answer is: ", "stop", "Answer", "cut", "cut"),
    ("math", "So \\boxed{19}.\n", "stop", "Answer", "19", None),
    ("olympicarena", "**Final ", "stop", "Answer", "cut", "cut"),
    ("plain", "There are 3 pens.\n", "stop", "Answer", "cut", "cut"),
    ("plain", "**", "stop", "Answer", "cut", "cut"),
    ("plain", "The answer is: 3\n", "stop", "Answer", "3", None),
    ("plain", "3\n\n", "stop", "Question", "3", None),
    ("plain", "It is 3", "stop", "\n\n", "3", None),
]


def completion(text: str, finish_reason: str, stop_string: str, problem_id: str = "p", sample: int = 0) -> Completion:
    ended = {"stop_string": stop_string}
    return Completion(problem_id, sample, "m", text, finish_reason, 1, 1, 0, **ended)  # type: ignore[arg-type]


@pytest.mark.parametrize(("family", "text", "reason", "stop", "answer", "why"), CASES)
def test_what_is_whole(family: str, text: str, reason: str, stop: str, answer: str, why: str | None) -> None:
    given, answers = completion(text, reason, stop), Answers(family=family)  # type: ignore[arg-type]
    found = answer_of(given, "", answers)
    assert (found.reason if isinstance(found, Unreadable) else found) == answer
    assert obstacle(given, "", answers) == why


@pytest.mark.parametrize(("family", "text", "reason", "stop", "answer", "why"), CASES)
def test_nothing_cut_reaches_a_training(
    family: str, text: str, reason: str, stop: str, answer: str, why: str | None
) -> None:
    answers, problem = Answers(family=family), Problem("p", "q")  # type: ignore[arg-type]
    given = completion(text, reason, stop)
    examples, left_out = examples_from_completions([problem], [given], answers)
    assert [e.completion for e in examples] == ([] if why else [part_read(text)])
    assert dict(left_out) == ({why: 1} if why else {})
    unreadable = why is not None or answer == "no_marker"
    kept = agreement([problem], [given], [given], (), Agreement(min_kept=1), answers) if not unreadable else None
    if kept is not None:
        assert [e.completion for e in kept.hybrid] == [part_read(text)] * 2
        shown = choose_demonstrations([([problem], [given])], Demonstrations(count=1), answers)
        assert [d.completion for d in shown] == [part_read(text)]
    else:
        with pytest.raises(ValueError, match=r"weak_failed|weak_unreadable"):
            agreement([problem], [given], [given], (), Agreement(min_kept=1), answers)
        with pytest.raises(ValueError, match=r"only 0 finished"):
            choose_demonstrations([([problem], [given])], Demonstrations(count=1), answers)


@pytest.mark.parametrize("equality", ["canonical", "paper"])
@pytest.mark.parametrize(("reason", "stop"), [("length", ""), ("stop", "Answer")])
def test_a_cut_completion_is_no_side_of_a_pair(equality: str, reason: str, stop: str) -> None:
    answers = Answers(equality=equality)  # type: ignore[arg-type]
    cut = "12 + 7\n#### 2" if reason == "length" else "Final "
    samples = [completion(RIGHT, "stop", "", sample=i) for i in range(9)] + [completion(cut, reason, stop, sample=9)]
    agreeing = pair_problem(Problem("p", "q"), samples, completion(RIGHT, "stop", ""), Pairs(), answers)
    assert agreeing.consensus.outcome == "no_dissent" and agreeing.consensus.votes == 9
    against = pair_problem(Problem("p", "q"), samples[:9], completion(cut, reason, stop), Pairs(), answers)
    assert against.consensus.outcome == f"weak_unusable:{'truncated' if reason == 'length' else 'cut'}"
    # Behind the part that is read the answer may be right: such a completion is not rejected either.
    goes_on = completion("I give up.\nQuestion: which sum?\n#### 19", "stop", "")
    behind = pair_problem(Problem("p", "q"), samples[:9], goes_on, Pairs(), answers)
    assert behind.consensus.outcome == "weak_unusable:cut"


@pytest.mark.parametrize("text", [RIGHT, ASKS_ITSELF, "Question", "a Question b", "#### 4\nQuestion #### 5"])
@pytest.mark.parametrize("family", ["gsm8k", "math", "olympicarena", "plain"])
def test_the_part_that_is_trained_on_is_the_part_that_is_read(text: str, family: str) -> None:
    assert read(text, family) == read(part_read(text), family)  # type: ignore[arg-type]


def test_texts_of_pairs_end_where_reading_ends() -> None:
    samples = [completion(ASKS_ITSELF, "stop", "", sample=i) for i in range(10)]
    found = pair_problem(Problem("p", "q"), samples, completion("#### 20\nQuestion", "stop", ""), Pairs(), Answers())
    assert [(pair.chosen, pair.rejected) for pair in found.pairs] == [(RIGHT, "#### 20")]


def test_default_stop_strings_depend_on_the_style() -> None:
    assert Prompt().stop_strings == ("Question", "Answer") and Prompt(style="chat").stop_strings == ()
    assert Prompt(style="chat", stop=("<END>",)).stop_strings == ("<END>",)
    assert Prompt(stop=()).stop_strings == ()
    assert Prompt().identity() == Prompt(stop=("Question", "Answer")).identity()
    with pytest.raises(ValueError, match="empty string"):
        Prompt(stop=("",))


GOLD = [Reference("a", "19", RIGHT), Reference("b", "20", "So:\n**Answer: 20**\n#### 20")]


@pytest.mark.parametrize(
    ("weak", "strong", "split", "said"),
    [
        (Prompt(), Prompt(), "train_1", r"weak\.prompt\.stop has 'Answer', which 1 of 2 gold .*train_1 .*first b: "),
        (Prompt(style="chat"), Prompt(), "train_1", r"strong\.prompt\.stop has 'Answer'"),
        (Prompt(style="chat"), Prompt(), "train_2", r"strong\.prompt\.stop has 'Answer'"),
        (Prompt(stop=("####",)), Prompt(stop=()), "train_1", r"weak\.prompt\.stop has '####', which 2 of 2"),
        (Prompt(style="chat"), Prompt(style="chat"), "train_1", ""),
        (Prompt(stop=("Question:",)), Prompt(stop=()), "train_1", ""),
    ],
)
def test_stop_strings_in_gold_are_refused(weak: Prompt, strong: Prompt, split: str, said: str) -> None:
    models = {"weak": Model(name="m", prompt=weak), "strong": Model(name="M", prompt=strong)}
    experiment = quickstart().model_copy(update=models)
    if said:
        with pytest.raises(ValueError, match=said) as error:
            check_stop_strings(experiment, split, GOLD)
        assert "\n" not in str(error.value) and "--set" in str(error.value)
    else:
        check_stop_strings(experiment, split, GOLD)
