"""Compares two canonical forms: first their shapes, then their parts, each by the rules of its type."""
