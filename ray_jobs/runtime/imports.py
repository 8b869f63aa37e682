"""Imports of libraries as large as torch, transformers and vLLM, which are imported late, by whichever thread is first.

They make half a million objects that live as long as the process. On two cores a process that imports them and ends
took 12 processor seconds with garbage collections among these objects, and takes 8 without; 2 of the 4 were at its end.
"""

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LARGE = 200
"""Modules that make an import large."""
_lock = threading.RLock()


@contextmanager
def importing() -> Iterator[None]:
    """Import libraries in its body: in one thread at a time, and without garbage collections.

    Two threads that import transformers (5.19.0) at once can meet half of it: "cannot import name 'AutoTokenizer'".
    What was made before the end of a large import is left out of all later collections.
    """
    with _lock:
        before, was_enabled = len(sys.modules), gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if len(sys.modules) > before + LARGE:
                gc.freeze()
            if was_enabled:
                gc.enable()
