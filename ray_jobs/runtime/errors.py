"""The reason of a failure, in one line."""


def reason(error: BaseException) -> str:
    """The innermost cause that has a message, as "Type: message".

    Ray wraps what its workers raise: in `__cause__`, in `cause`, or in Ray Train's `worker_failures`, one error a rank.
    Unlike w2s.errors.first_line it takes the last line of a message, because a remote traceback ends with the error.
    """
    while True:
        cause = error.__cause__ or getattr(error, "cause", None)
        if cause is None or cause is error or not str(cause).strip():
            break
        error = cause
    if failures := getattr(error, "worker_failures", {}):
        return reason(next(iter(failures.values())))
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1] if lines else 'no message'}"
