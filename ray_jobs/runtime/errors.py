"""Why a step failed, in one line."""


def reason(error: BaseException) -> str:
    """The error's innermost cause that says something, in one line: Ray wraps what its workers raise."""
    while (
        (inner := error.__cause__ or getattr(error, "cause", None)) is not None
        and inner is not error
        and str(inner).strip()
    ):
        error = inner
    failures = getattr(error, "worker_failures", {})
    if failures:
        return reason(next(iter(failures.values())))
    return f"{type(error).__name__}: {str(error).strip().splitlines()[-1] if str(error).strip() else 'no message'}"
