"""The worlds with traps: right answers, levels, disjoint splits, and wrong solutions as long as right ones."""

import random
import re
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from w2s.answers import Answer, grade, read
from w2s.data.worlds import hard, programs, traps
from w2s.data.worlds.traps import Draft, Event, Reading, worked
from w2s.experiments.quickstart import quickstart
from w2s.graph.step import step
from w2s.recipe import WorldProblems

SEEDS = (0, 11)
WORLDS = {"hard": hard.WORLD, "programs": programs.WORLD}
DEGREES = {0.1: 1.0, 0.8: 1.0}
MORE = Event("Leo buys 4 more.", Reading("+", 4), Reading("+", 4), 0.0)
BAGS = Event("Leo buys 3 bags of 4.", Reading("+", 12, (3, 4)), Reading("+", 3), 1.5)
SEEN = Event("Leo sees 5 more.", None, Reading("+", 5), 1.5)


def draft(*events: Event, answer: str = "{value}", last: Reading | None = None) -> Draft:
    return Draft("?", 6, events, answer, last)


@pytest.mark.parametrize(
    "given, degree, solution",
    [
        (draft(MORE, BAGS), 0.0, "6 + 4 = 10. 3 * 4 = 12. 10 + 12 = 22.\n#### 22"),
        (draft(SEEN, MORE), 0.0, "6 + 4 = 10.\n#### 10"),
        (draft(SEEN), 0.0, "#### 6"),
        (draft(MORE, BAGS, answer="{value} and {start}"), 0.0, "6 + 4 = 10. 3 * 4 = 12. 10 + 12 = 22.\n#### 22 and 6"),
        (draft(MORE, answer="{value} cents", last=Reading("*", 2)), 0.0, "6 + 4 = 10. 10 * 2 = 20.\n#### 20 cents"),
        (draft(BAGS), 1 - 1e-12, "6 + 3 = 9.\n#### 9"),
        (draft(SEEN), 1 - 1e-12, "6 + 5 = 11.\n#### 11"),
    ],
)
def test_readings(given: Draft, degree: float, solution: str) -> None:
    assert worked(random.Random(1), given, degree) == solution


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("world", WORLDS)
def test_equations_are_right_and_answers_are_read_back(seed: int, world: str) -> None:
    levels = Counter[str]()
    forms = Counter[str]()
    for problem in WORLDS[world].problems(seed, "test", 300):
        value = int(re.findall(r"\d+", problem.question)[0])
        for left, sign, right, result in re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)\.", problem.solution):
            a, b, c = int(left), int(right), int(result)
            assert {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[sign] == c and 0 < c <= traps.LARGEST
            value = c
        answer = read(problem.solution, "gsm8k")
        assert isinstance(answer, Answer) and grade(answer, problem.answer).verdict == "right"
        assert re.findall(r"\d+", problem.answer)[0] == str(value)
        levels[problem.level] += 1
        forms["both" if " and " in problem.answer else "cents" if "cents" in problem.answer else "now"] += 1
    assert set(levels) == {"1", "2", "3"} and min(levels.values()) > 70
    if world == "hard":
        assert set(forms) == {"both", "cents", "now"} and min(forms.values()) > 5


@pytest.mark.parametrize("seed", SEEDS)
def test_answers_are_what_the_programs_print(seed: int) -> None:
    for problem in programs.WORLD.problems(seed, "test", 300):
        printed = list[int]()
        exec("\n".join(problem.question.splitlines()[1:]), {"print": printed.append})
        assert problem.answer == str(*printed)


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS.values())
def test_no_question_is_in_two_splits_of_any_seed_or_in_the_documents(world: Any) -> None:
    splits = {
        split: {p.question for seed in SEEDS for p in world.problems(seed, split, 300)}
        for split in ("train_1", "train_2", "test")
    }
    assert all(len(questions) > 550 for questions in splits.values())  # two seeds may share one of a single event
    documents = [world.document(0, index, DEGREES) for index in range(400)]
    asked = re.compile(r"^Question: (.*?)\nAnswer: ", re.M | re.S)
    splits["documents"] = {question for text in documents for question in asked.findall(text)}
    assert len(splits["documents"]) > 900
    names = list(splits)
    assert all(splits[a].isdisjoint(splits[b]) for a in names for b in names if a < b)


@pytest.mark.slow
@pytest.mark.parametrize("degree", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("world", WORLDS)
def test_length_does_not_tell_wrong_solutions_from_right_ones(degree: float, world: str) -> None:
    rng, drafts = random.Random(3), list(WORLDS[world].drafted(7, "train_2", 4000))
    compared = Counter[int]()
    for one in drafts:
        right, wrong = worked(rng, one, 0.0), worked(rng, one, degree)
        if right.rpartition("####")[2] != wrong.rpartition("####")[2]:
            compared[(wrong.count("=") > right.count("=")) - (wrong.count("=") < right.count("="))] += 1
    total = sum(compared.values())
    print(
        f"{world}, degree {degree}: {compared[1]} wrong solutions longer, {compared[-1]} shorter, {compared[0]} as long"
    )
    assert abs(compared[1] - compared[-1]) < 3 * total**0.5, compared
    assert compared[0] > total / 6


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS.values())
def test_a_careless_writer_is_right_less_often_on_every_level(world: Any) -> None:
    rng, rates = random.Random(5), dict[tuple[int, float], list[bool]]()
    for one in world.drafted(8, "train_2", 3000):
        gold = worked(rng, one, 0.0).rpartition("####")[2]
        for degree in (0.1, 0.5, 0.9):
            right = worked(rng, one, degree).rpartition("####")[2] == gold
            rates.setdefault((len(one.events), degree), []).append(right)
    shares = {key: sum(of) / len(of) for key, of in rates.items()}
    for events in (1, 2, 3):
        assert shares[events, 0.1] > shares[events, 0.5] + 0.1 > shares[events, 0.9] + 0.15
    for degree in (0.1, 0.5, 0.9):
        assert shares[1, degree] > shares[2, degree] > shares[3, degree]


@pytest.mark.parametrize("world", WORLDS)
def test_the_same_in_another_process(world: str) -> None:
    told = "w.problems(5, 'test', 3), w.document(1, 2, {0.1: 1.0}, 1.0)"
    code = f"from w2s.data.worlds.{world} import WORLD as w; print({told})"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    ).stdout
    made = WORLDS[world]
    assert told.strip() == f"{made.problems(5, 'test', 3)} {made.document(1, 2, {0.1: 1.0}, 1.0)}"
    assert made.problems(5, "test", 9)[:3] == made.problems(5, "test", 3)


def test_an_unknown_split_is_an_error() -> None:
    with pytest.raises(KeyError):
        hard.WORLD.problems(0, "train_3", 1)


def test_the_small_world_keeps_the_fingerprint_it_had_alone() -> None:
    small, *others = (
        step("problems", WorldProblems(train_1=300, train_2=400, world=world))
        for world in ("small", "hard", "programs")
    )
    assert small.fingerprint.startswith("f00f4377") and len({small.fingerprint, *(o.fingerprint for o in others)}) == 3
    assert small.recipe == quickstart().problems
