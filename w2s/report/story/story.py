"""The story of one problem: its question, what every model wrote, what the method decided, who learned from it.

Gold is in it because a person reads it; no step does. text.py makes lines of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from w2s.answers import Answer, Unreadable, read
from w2s.graph.contents import record_of, split_of
from w2s.graph.recipes import Agree, FineTune, Grade, Label, Pair, Prefer, Sample
from w2s.graph.step import Step, Table
from w2s.method.classes import classify
from w2s.method.examples import examples_from_completions, examples_from_references, in_part
from w2s.method.outcomes import AGREEMENT_OUTCOMES, LABEL_OUTCOMES, PAIR_OUTCOMES, meaning_of
from w2s.recipe import Answers
from w2s.records import Completion, Consensus, PreferencePair, Problem, Reference, Score, SFTExample

Rows = Callable[[Table], list[Any]]
"""The rows of the problem in one table of a finished step."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One completion and the answer that was read from it."""

    sample: int
    text: str
    answer: str
    """As the completion spells it; empty where it is unreadable."""
    form: str
    """The class that is compared; empty where the completion has none."""
    unreadable: str
    """Why the completion has no class: one of answers' REASONS; empty where it has one."""
    ended_by: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Written:
    """The completions of one sampling step."""

    step: str
    model: str
    """The step that trained it, or name@revision of a base model."""
    completions: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a filter or the pair rule decided, and the meaning of its outcome."""

    step: str
    outcome: str
    meaning: str
    detail: str


@dataclass(frozen=True, slots=True)
class Pairing:
    """A preference pair."""

    step: str
    chosen: str
    rejected: str
    chosen_source: str
    chosen_answer: str
    rejected_answer: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a training step was given of the problem, or why it was given nothing."""

    step: str
    taught: str
    left_out: str
    is_trained: bool


@dataclass(frozen=True, slots=True)
class Story:
    """All that a store knows of one problem of one split. Lists follow the graph's order."""

    problem_id: str
    split: str
    question: str
    kind: str
    level: str
    gold_answer: str
    gold_solution: str
    demonstration_of: tuple[str, ...]
    """Steps whose demonstrations include the problem."""
    written: tuple[Written, ...]
    decisions: tuple[Decision, ...]
    pairs: tuple[Pairing, ...]
    lessons: tuple[Lesson, ...]
    verdicts: tuple[Score, ...]
    unfinished: tuple[str, ...]
    """Steps that would add to the story and are not finished."""


def tell(
    steps: Sequence[Step], finished: set[str], rows: Rows, split: str, problem: Problem, answers: Answers
) -> Story:
    """The story of a problem of `split`; `finished` names the finished steps, the others are read nowhere."""
    about = [step for step in steps if _is_about(step, split)]
    there = [step for step in about if step.name in finished]
    names = {step.directory: step.name for step in steps}
    gold: list[Reference] = [
        row for step in steps if split in step.recipe.tables for row in rows(step[f"{split}_references"])
    ]
    shown = [step.name for step in there if "demonstrations" in step.recipe.tables and rows(step["demonstrations"])]
    return Story(
        problem_id=problem.problem_id,
        split=split,
        question=problem.question,
        kind=problem.kind,
        level=problem.level,
        gold_answer=gold[0].answer if gold else "",
        gold_solution=gold[0].solution if gold else "",
        demonstration_of=tuple(shown),
        written=tuple(
            _written(step, rows, problem, answers, names) for step in there if isinstance(step.recipe, Sample)
        ),
        decisions=tuple(decision for step in there for decision in _decisions(step, rows)),
        pairs=tuple(
            Pairing(step.name, p.chosen, p.rejected, p.chosen_source, p.chosen_answer, p.rejected_answer, p.confidence)
            for step in there
            if isinstance(step.recipe, Pair)
            for p in _pairs(step["pairs"], rows)
        ),
        lessons=tuple(lesson for step in about for lesson in _lessons(step, finished, rows, problem)),
        verdicts=tuple(
            score for step in there if isinstance(step.recipe, Grade) for score in _scores(step["scores"], rows)
        ),
        unfinished=tuple(step.name for step in about if step.name not in finished),
    )


def _is_about(step: Step, split: str) -> bool:
    """Whether a step reads problems of the split, or examples, or pairs that were made of them."""
    problems = step.input("problems")
    tables = [problems] if problems else [table for _, table in step.inputs if record_of(table) is not None]
    return any(split_of(table) == split for table in tables)


def _written(step: Step, rows: Rows, problem: Problem, answers: Answers, names: Mapping[str, str]) -> Written:
    completions: list[Completion] = sorted(rows(step["completions"]), key=lambda completion: completion.sample)
    classes = classify(problem, completions, answers).by_completion
    readings = [
        _reading(completion, found, problem.kind, answers)
        for completion, found in zip(completions, classes, strict=True)
    ]
    model = completions[0].model if completions else ""
    return Written(step.name, names.get(model, model), tuple(readings))


def _reading(completion: Completion, found: str | Unreadable, kind: str, answers: Answers) -> Reading:
    spelled = read(completion.text, answers.family, completion.finish_reason, kind)
    by = completion.stop_string or completion.stop_token
    ended = f"{completion.finish_reason}{f' {by!r}' if by else ''}{f': {completion.error}' if completion.error else ''}"
    return Reading(
        sample=completion.sample,
        text=completion.text,
        answer=spelled.text if isinstance(spelled, Answer) else "",
        form=found if isinstance(found, str) else "",
        unreadable=found.reason if isinstance(found, Unreadable) else "",
        ended_by=ended,
        tokens=completion.completion_tokens,
    )


def _decisions(step: Step, rows: Rows) -> Iterator[Decision]:
    if isinstance(step.recipe, Agree | Label):
        own, meanings = ("ICL", AGREEMENT_OUTCOMES) if isinstance(step.recipe, Agree) else ("majority", LABEL_OUTCOMES)
        for row in rows(step["selection"]):
            detail = f"weak answer {row.weak_answer or '-'}, {own} answer {row.icl_answer or '-'}"
            yield Decision(step.name, row.outcome, meaning_of(row.outcome, meanings), detail)
    if isinstance(step.recipe, Pair):
        consensus: list[Consensus] = rows(step["consensus"])
        for row in consensus:
            votes = (
                f"{row.votes} of {row.samples} samples vote for {row.answer or '-'}, confidence {row.confidence:.2f}"
            )
            detail = f"{votes}; weak answer {row.weak_answer or '-'}"
            yield Decision(step.name, row.outcome, meaning_of(row.outcome, PAIR_OUTCOMES), detail)
    if isinstance(step.recipe, Agree | Label | Pair):
        for row in rows(step["merges"]):
            yield Decision(step.name, "merged", row.why, f"{row.form} counts as {row.representative}")


def _pairs(table: Table, rows: Rows) -> list[PreferencePair]:
    return rows(table)


def _scores(table: Table, rows: Rows) -> list[Score]:
    return rows(table)


def _lessons(step: Step, finished: set[str], rows: Rows, problem: Problem) -> Iterator[Lesson]:
    """What a training step was given; nothing while its inputs are unfinished."""
    if not isinstance(step.recipe, FineTune | Prefer) or any(t.step.name not in finished for _, t in step.inputs):
        return
    trained, inputs = step.name in finished, dict(step.inputs)
    if "pairs" in inputs:
        for pair in _pairs(inputs["pairs"], rows):
            yield Lesson(step.name, f"{pair.chosen_answer} over {pair.rejected_answer}", "", trained)
        return
    examples: list[SFTExample] = []
    if "examples" in inputs:
        examples = rows(inputs["examples"])
    elif "references" in inputs:
        part = step.recipe.part if isinstance(step.recipe, FineTune) else 1.0
        learned = [row for row in rows(inputs["references"]) if in_part(row.problem_id, part)]
        examples = examples_from_references([problem], learned)
    elif isinstance(step.recipe, FineTune) and step.recipe.answers is not None:
        examples, left_out = examples_from_completions([problem], rows(inputs["completions"]), step.recipe.answers)
        for reason in left_out:
            yield Lesson(step.name, "", f"left out: the completion is {reason}", trained)
    for example in examples:
        yield Lesson(step.name, example.completion, "", trained)
