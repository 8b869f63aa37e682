"""Which completions are whole, and the part of a completion that was read: only that is a label, shown or trained on.

Training appends an end token to what it learns, and so would teach the model to stop in the middle of a text that
max_tokens or a stop string has cut.
"""

from w2s.answers import Answer, Unreadable, answer_class, read
from w2s.answers.reading import answer_end
from w2s.answers.types import Reason
from w2s.recipe import Answers
from w2s.records import Completion


def part_read(text: str) -> str:
    """The part of a completion's text that an answer is read from, without trailing white space."""
    return text[: answer_end(text)].rstrip()


def answer_of(completion: Completion, kind: str, answers: Answers) -> str | Unreadable:
    """The class of a whole completion's answer (see `answer_class`), or the reason why it is not whole or unreadable.

    `kind` is `Problem.kind`. What max_tokens cut is unreadable even where a stop string's text follows its answer.
    """
    if completion.finish_reason == "length":
        return Unreadable("truncated")
    answer = answer_class(completion, kind, answers)
    return Unreadable("cut") if completion.finish_reason == "stop" and _cut(completion, kind, answers) else answer


def obstacle(completion: Completion, kind: str, answers: Answers) -> Reason | None:
    """Why a completion must not be trained on, right or wrong, as a whole one; None if it may.

    A completion that ended by itself without an answer may, unless its text goes on behind the part that is read.
    """
    answer = answer_of(completion, kind, answers)
    if isinstance(answer, Unreadable) and answer.reason in ("error", "truncated", "cut"):
        return answer.reason
    if not part_read(completion.text):
        return "empty"
    # The paper's scripts cut at any "Question".
    goes_on = answer_end(completion.text) < len(completion.text) or (
        answers.equality == "paper" and "Question" in completion.text
    )
    return "cut" if goes_on and not (isinstance(answer, str) and answer) else None


def _cut(completion: Completion, kind: str, answers: Answers) -> bool:
    """Whether a stop string ended a completion before its answer, or within it.

    The answer must be there: `**Answer: 19**` ends as `**` at the stop string "Answer". The stop string must have begun
    a line, if it is a word and not a mark such as `</answer>`. And family `plain`, which takes any last line for the
    answer, needs a marker where the stop string itself announces answers.
    """
    stop, text = completion.stop_string, part_read(completion.text)
    if not stop:
        return False
    announced = answers.family == "plain" and "answer" in stop.lower()
    families = ("gsm8k", "math") if announced else (answers.family,)
    if not any(isinstance(read(text, family, "stop", kind), Answer) for family in families):
        return True
    within_line = bool(completion.text.rpartition("\n")[2].strip())
    return within_line and stop[0].isalpha()
