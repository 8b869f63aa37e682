"""Answer classes of one problem's completions: the filter, the vote, the pairs and maj@k compare these, never text.

Two completions agree where their classes are the same string.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from w2s.answers import Unreadable, merge
from w2s.method.whole import answer_of
from w2s.recipe import Answers
from w2s.records import Completion, Merge, Problem


@dataclass(frozen=True, slots=True)
class Classes:
    """Answer classes of some completions of one problem."""

    by_completion: list[str | Unreadable]
    """The representative of each completion's class, or the reason it has no class; in the completions' order."""
    merges: list[Merge]
    """Canonical forms that a second test found equal to another form."""
    undecided: frozenset[frozenset[str]]
    """Pairs of representatives that may or may not be equal."""

    def differ(self, one: str | Unreadable, other: str | Unreadable) -> bool:
        """Whether two classes certainly differ; an unreadable completion differs from every class."""
        if isinstance(one, Unreadable) or isinstance(other, Unreadable):
            return True
        return one != other and frozenset((one, other)) not in self.undecided


def classify(problem: Problem, completions: Sequence[Completion], answers: Answers) -> Classes:
    """Answer classes of completions of `problem`; the order of the completions changes no class.

    With `answers.equality="paper"` every string is a class of its own, as in the paper's scripts.
    """
    read = [answer_of(completion, problem.kind, answers) for completion in completions]
    forms = [form for form in read if isinstance(form, str)]
    if len(set(forms)) < 2 or answers.equality == "paper":
        return Classes(read, [], frozenset())
    merged = merge(forms, problem.kind)
    classes = [merged.class_of[form] if isinstance(form, str) else form for form in read]
    return Classes(classes, [Merge(problem.problem_id, *row) for row in merged.merges], merged.undecided)
