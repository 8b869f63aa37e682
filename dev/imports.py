"""Imports what the processes of a run import. `make setup` runs it, so that Python keeps these modules compiled.

pip installs them uncompiled: all 32,000 modules would take a minute, and a run imports 8,000. Python compiles a module
at its first import, but keeps it only where PYTHONDONTWRITEBYTECODE is not set. Many containers set it; each process
then compiles again, on which an engine's two processes spent 20 of 40 seconds of processor time.
"""

# ruff: noqa: F401, I001
import sys
from concurrent.futures import ProcessPoolExecutor

sys.dont_write_bytecode = False


def driver_and_training() -> None:
    """What a driver, its tables and its commands import, then a training worker, which has torch in common with
    engines."""
    import datasets
    import matplotlib.pyplot
    import ray.data
    import ray.job_submission
    import ray.train.torch
    import s3fs
    import sympy

    import deepspeed
    import peft
    import transformers
    import trl
    import trl.experimental.orpo


def engine() -> None:
    """What an engine and its core import."""
    import vllm
    import vllm.entrypoints.openai.api_server
    import vllm.lora.punica_wrapper
    import vllm.model_executor.models.llama
    import vllm.platforms
    import vllm.v1.engine.async_llm
    import vllm.v1.engine.core
    import vllm.v1.worker.cpu_worker


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as two:
        for imported in [two.submit(engine), two.submit(driver_and_training)]:
            imported.result()
