"""Tests of reading answers out of completions."""
