"""Errors as text: one line that says what failed."""


def first_line(error: BaseException) -> str:
    """The error's kind and the first line it says."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no message'])[0]}"
