"""The classes that the answers to one problem fall into: what the filter, the vote, the pairs and maj@k compare."""

from collections.abc import Sequence
from dataclasses import dataclass

from w2s.answers import Unreadable, answer_class, merge
from w2s.recipe import Answers
from w2s.records import Completion, Merge, Problem


@dataclass(frozen=True, slots=True)
class Classes:
    """Classes of some completions of one problem."""

    found: list[str | Unreadable]
    """The class of each completion, by its representative; or why it has none."""
    merges: list[Merge]
    """Forms that were found equal to another one."""
    undecided: frozenset[frozenset[str]]
    """Pairs of representatives that may or may not be equal."""

    def differ(self, one: str | Unreadable, other: str | Unreadable) -> bool:
        """Whether two classes are certainly different; a completion without an answer is in no class."""
        if isinstance(one, Unreadable) or isinstance(other, Unreadable):
            return True
        return one != other and frozenset((one, other)) not in self.undecided


def classify(problem: Problem, completions: Sequence[Completion], answers: Answers) -> Classes:
    """Classes of completions of `problem`; the order of the completions changes no class.

    With `answers.equality="paper"` every string is a class of its own, as in the paper's scripts.
    """
    found = [answer_class(completion, problem.kind, answers) for completion in completions]
    forms = {form for form in found if isinstance(form, str)}
    if len(forms) < 2 or answers.equality == "paper":
        return Classes(found, [], frozenset())
    merged = merge(forms, problem.kind)
    classes = [merged.class_of[form] if isinstance(form, str) else form for form in found]
    return Classes(classes, [Merge(problem.problem_id, *row) for row in merged.merges], merged.undecided)
