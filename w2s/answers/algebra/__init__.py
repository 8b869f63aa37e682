"""Expressions: parsing, exact normal forms, evaluation to many digits."""
