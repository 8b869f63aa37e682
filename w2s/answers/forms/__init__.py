"""Canonical forms of every kind of answer, and their comparison."""
