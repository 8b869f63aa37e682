"""The exception of all exact arithmetic on expressions."""


class NoNormalForm(Exception):
    """The text is no expression, or the expression has no normal form within the bounds."""
