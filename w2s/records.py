"""What flows between steps: flat frozen records, one Arrow row each.

`Problem` has no answer field. Gold is `Reference`, a table of its own, and an input only of the weak model's SFT, the
ceiling, scoring and the audit.
"""

from dataclasses import dataclass
from typing import Literal, TypeVar

FinishReason = Literal["stop", "length", "error"]
"""`stop`: end token or stop string; `length`: cut by max_tokens; `error`: no text, reason in `Completion.error`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A question that models answer. It has no answer field.

    Written by the problems step (ray_jobs/selection). Read by sampling, SFT, demonstrations, agreement,
    pairs, scores and audit.
    """

    problem_id: str
    question: str
    kind: str = ""
    """Answer kind where the dataset says it (OlympicArena's answer type), else empty."""
    level: str = ""
    """Difficulty or subject label of the dataset, for reports only."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Gold of one problem, never an input of a step on the strong model's path.

    Written by the problems step (ray_jobs/selection). Read by weak_sft and ceiling (ray_jobs/training),
    scores and audit (ray_jobs/selection).
    """

    problem_id: str
    answer: str
    solution: str
    """Worked solution that ends with the answer in the form the answer family reads."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A question that occurs in two splits, whether the step kept it or removed it.

    Written by the problems step (ray_jobs/selection). No step reads it.
    """

    split: str
    problem_id: str
    """In `split`, which is the one that would lose the question."""
    other_split: str
    other_id: str
    similarity: float
    """Jaccard similarity of word triples, 0..1; 1 for the same words, case, punctuation and white space aside."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A problem whose worked solution does not certainly end with its answer, where both are columns of the data.

    Written by the problems step (ray_jobs/selection). No step reads it.
    """

    split: str
    problem_id: str
    answer: str
    """Of the column of answers, by which completions are graded."""
    solution_answer: str
    """The final answer of the solution, on which models are trained."""
    verdict: str
    """`wrong`: another value; `undecided`: perhaps the same."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled completion, exactly as the engine returned it, or one response that was there already.

    Written by sampling steps (ray_jobs/sampling) and respond (ray_jobs/selection). Read by SFT (ray_jobs/training),
    demonstrations, agreement, pairs, scores and audit (ray_jobs/selection).
    """

    problem_id: str
    sample: int
    """0 .. n-1; (problem_id, sample) is unique in a table."""
    model: str
    """Directory of the step that trained it, or name@revision of a base model."""
    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    seed: int
    error: str = ""
    stop_string: str = ""
    """Stop string that ended the text, without being part of it."""
    stop_token: str = ""
    """Special token that ended the text; empty, like `stop_string`, where the other or max_tokens ended it."""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A problem and the weak model's solution, which may be wrong, for the strong model's prompt.

    Written by the demonstrations step (ray_jobs/selection). Read by sampling (ray_jobs/sampling) and agreement
    (ray_jobs/selection).
    """

    problem_id: str
    question: str
    completion: str


@dataclass(frozen=True, slots=True)
class SFTExample:
    """A question and the completion to learn.

    Written by agreement and label (ray_jobs/selection). Read by SFT (ray_jobs/training).
    """

    problem_id: str
    question: str
    completion: str
    source: str
    """`weak`, `icl` or `reference`: whose completion it is."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Stage I's decision on one problem of train_2, by agreement or by M's own samples, and its reason.

    Written by agreement and label (ray_jobs/selection). Read by audit (ray_jobs/selection).
    """

    problem_id: str
    outcome: str
    """`kept`, or the reason it was not: see `AGREEMENT_OUTCOMES` and `LABEL_OUTCOMES`."""
    weak_answer: str
    icl_answer: str
    """Answer classes by their representatives; empty where unreadable. Of M's own samples, the majority's."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Two canonical forms of one problem's answers that a second test found equal.

    Written by agreement and pairs (ray_jobs/selection). No step reads it: an audit trail.
    """

    problem_id: str
    form: str
    representative: str
    """The form that stands for the class."""
    why: str


@dataclass(frozen=True, slots=True)
class Consensus:
    """The vote of M_plus's samples on one problem.

    Written by pairs (ray_jobs/selection). Read by audit (ray_jobs/selection).
    """

    problem_id: str
    answer: str
    """Representative of the largest class; empty where no sample could be read."""
    votes: int
    samples: int
    confidence: float
    """votes / samples, in 0..1; samples counts unreadable ones too, as in the paper."""
    weak_answer: str
    outcome: str
    """`paired`, or the reason it was not: see `PAIR_OUTCOMES`."""


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """Two completions of one problem whose answers differ.

    Written by pairs (ray_jobs/selection). Read by DPO and ORPO (ray_jobs/training) and by audit (ray_jobs/selection).
    """

    problem_id: str
    question: str
    chosen: str
    rejected: str
    chosen_source: str
    """`weak` or `strong`: who wrote the chosen one; the other side wrote the rejected one, or with
    `pairs.rule="votes"` the same model."""
    chosen_answer: str
    rejected_answer: str
    confidence: float
    """The majority's vote share; with `pairs.rule="votes"` the margin to the runner-up. A `weighted` loss reads it."""


@dataclass(frozen=True, slots=True)
class Score:
    """The verdict on one test completion.

    Written by scores (ray_jobs/selection). Read by report (ray_jobs/selection, w2s/report).
    """

    problem_id: str
    model: str
    """Name of the model in the report: `weak_floor`, `hybrid_ft_2`, ..."""
    answer: str
    verdict: str
    """`right`, `wrong` or `undecided`; an unreadable answer is wrong, with its reason."""
    reason: str
    second_opinion: str = ""
    """Math-Verify's verdict, '' where it was not asked."""
    level: str = ""
    """The problem's."""


Record = TypeVar(
    "Record",
    Problem,
    Reference,
    Duplicate,
    Disagreement,
    Completion,
    Demonstration,
    SFTExample,
    Selection,
    Merge,
    Consensus,
    PreferencePair,
    Score,
)
