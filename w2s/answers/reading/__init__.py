"""Reads the final answer of a completion."""

from w2s.answers.reading.reader import Family, read

__all__ = ["Family", "read"]
