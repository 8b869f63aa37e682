"""Reads the final answer of a completion."""

from w2s.answers.reading.body import after_thoughts, answer_end, opened_thought
from w2s.answers.reading.reader import Family, read

__all__ = ["Family", "after_thoughts", "answer_end", "opened_thought", "read"]
