"""Imports what the processes of a run import. `make setup` runs it, so that Python keeps these modules compiled.

pip installs them uncompiled: all 32,000 modules would take a minute, and a run imports 8,000. Python compiles a module
at its first import, but keeps it only where PYTHONDONTWRITEBYTECODE is not set. Many containers set it; each process
then compiles again, on which an engine's two processes spent 20 of 40 seconds of processor time.
"""

# ruff: noqa: E402, F401, I001
import sys

sys.dont_write_bytecode = False

# The driver, its tables and its commands.
import datasets
import matplotlib.pyplot
import ray.data
import ray.job_submission
import ray.train.torch
import s3fs
import sympy

# A training worker.
import deepspeed
import peft
import transformers
import trl
import trl.experimental.orpo

# An engine and its core.
import vllm
import vllm.entrypoints.openai.api_server
import vllm.lora.punica_wrapper
import vllm.model_executor.models.llama
import vllm.platforms
import vllm.v1.engine.async_llm
import vllm.v1.engine.core
import vllm.v1.worker.cpu_worker
