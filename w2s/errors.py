"""Errors as text: one line that says what failed, and what a misspelt name may have meant."""

import difflib
from collections.abc import Iterable


def first_line(error: BaseException) -> str:
    """The error's kind and the first line it says."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no message'])[0]}"


def closest(name: str, known: Iterable[str]) -> str:
    """What may have been meant by a misspelt name, as the end of a sentence; empty where none is near.

    Upper and lower case are alike.
    """
    by_lower = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name.lower(), by_lower, 1)
    return f" (did you mean {by_lower[found[0]]}?)" if found else ""
