"""The result of a comparison of two canonical forms."""

from w2s.answers.types import Relation

Result = tuple[Relation, str]
"""The relation, and the rule that decided; '' where the calling rule says it."""
UNDECIDED: Result = ("undecided", "")
DIFFERENT: Result = ("different", "")
