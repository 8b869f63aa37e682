"""Reads the final answer of a completion."""

from w2s.answers.reading.body import answer_end
from w2s.answers.reading.reader import Family, read

__all__ = ["Family", "answer_end", "read"]
