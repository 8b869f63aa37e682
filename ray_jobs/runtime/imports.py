"""Imports of libraries so large that garbage collections among their objects take a third of a process's start and end.

torch, transformers and vLLM make half a million objects that live as long as the process. On two cores a process that
imports them and ends took 12 processor seconds, and with `import_for_good` 8; 2 of the 4 were at its end.
"""

import gc
import sys
from importlib import import_module


def import_for_good(*modules: str) -> None:
    """Import modules without a garbage collection meanwhile, and leave all objects made so far out of later ones.

    Does nothing where all are imported. Raises what the imports raise.
    """
    if all(module in sys.modules for module in modules):
        return
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for module in modules:
            import_module(module)
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
