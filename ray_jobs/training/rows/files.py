"""Token rows in files: written once, by one task a shard, and read by every worker as a memory-mapped dataset.

The files are Arrow streams, as `datasets` maps them, in the step's `training/`. So the driver holds counts, and a
worker's memory does not grow with the number of rows. Tasks are cut by rows, because encoding is nearly all of their
time.
"""

import os
import posixpath
import secrets
from collections import Counter
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from ray_jobs.runtime.shards import Task, each_done, rows_of, tasks_of
from ray_jobs.training.rows.counts import RowCounts, TokenFiles, is_weighted
from ray_jobs.training.rows.encode import TokenRow, token_rows
from ray_jobs.training.rows.examples import examples_of, input_records
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import Step
from w2s.method.batches import training_order
from w2s.recipe import Optimizer
from w2s.store import layout
from w2s.store.attempt import put
from w2s.store.manifest import File
from w2s.store.objects.objects import in_parallel
from w2s.store.store import Store

SHARD_ROWS = 25_000
"""Rows of a task: a few seconds of work for one core."""
DRIVER_ROWS = 5000
"""The most rows that the driver tokenizes itself: within a second, in which a worker would not have imported
transformers."""
BATCH_ROWS = 1000
"""Rows that are encoded together, and rows of a record batch; as Python integers they take ten times its memory."""
COPIES_AT_ONCE = 4
"""Files that a worker copies at once; each is whole in memory meanwhile."""


class Done(BaseModel):
    """What the task of one shard returns to the driver."""

    number: int
    file: File | None
    counts: RowCounts
    weight: float
    left_out: dict[str, int]


def write_rows(step: Step, store: Store) -> TokenFiles:
    """Tokenize the examples or pairs that a training learns from, and write their token rows shard by shard.

    Raises ValueError if no row can be trained on, or if pairs are weighted and all have a confidence of 0.
    """
    recipe = step.recipe
    assert isinstance(recipe, FineTune | Prefer)
    records, work = input_records(step), partial(write_shard, step, store, layout.token_rows(secrets.token_hex(4)))
    small = all(store.rows(table) <= DRIVER_ROWS for role in records if (table := step.input(role)) is not None)
    tasks = tasks_of(step, store, records, SHARD_ROWS)
    done = sorted(each_done(tasks, work, Done, small), key=lambda shard: shard.number)
    left_out = sum((Counter(shard.left_out) for shard in done), Counter[str]())
    written = TokenFiles(
        files=tuple(shard.file for shard in done if shard.file),
        counts=sum((shard.counts for shard in done), RowCounts()),
        weight=sum(shard.weight for shard in done),
        left_out=dict(left_out),
    )
    written.check(step)
    return written


def write_shard(step: Step, store: Store, folder: str, task: Task) -> Done:
    """Tokenize the rows of one shard and write them to a file in the step's directory, unless there are none."""
    recipe = step.recipe
    assert isinstance(recipe, FineTune | Prefer)
    examples, left_out = examples_of(step, rows_of(task, store, input_records(step)))
    tokens = Tokens(_tokenizer(base_folder(recipe.model, weights=False)), recipe.model.prompt)
    counts, weight, batches = RowCounts(), 0.0, list[Any]()
    for start in range(0, len(examples), BATCH_ROWS):
        batch = examples[start : start + BATCH_ROWS]
        rows, counted = token_rows(batch, tokens, recipe.optimizer.max_tokens, is_weighted(recipe))
        counts, weight = counts + counted, weight + sum(row.get("weight", 0.0) for row in rows)
        batches += [arrow_batch(rows)] if rows else []
    path = f"{folder}/{task.number:05d}.arrow"
    file = put(store.objects, step.directory, path, arrow_bytes(batches)) if batches else None
    return Done(number=task.number, file=file, counts=counts, weight=weight, left_out=left_out)


@lru_cache(maxsize=1)
def _tokenizer(folder: Path) -> Any:
    """The tokenizer in `folder`, loaded once a process: it takes as long as thousands of rows.

    It computes in one thread, because a task has one core.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    return load_tokenizer(folder)


def arrow_batch(rows: list[TokenRow]) -> Any:
    """The rows as a record batch of Arrow; token ids are lists of int32, a weight is a float64."""
    types = {name: pa.float64() if name == "weight" else pa.list_(pa.int32()) for name in rows[0]}
    return pa.record_batch({name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()})


def arrow_bytes(batches: list[Any]) -> bytes:
    """An Arrow stream of record batches."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as stream:
        for batch in batches:
            stream.write_batch(batch)
    return sink.getvalue().to_pybytes()


def fetch_rows(files: TokenFiles, store: Store, step: Step, folder: Path) -> Any:
    """A `datasets.Dataset` of a training's rows, mapped from copies in `folder`.

    Raises ValueError where a file is not what was written.
    """
    from datasets import Dataset, concatenate_datasets

    def fetch(file: File) -> str:
        place = folder / posixpath.basename(file.path)
        place.write_bytes(store.read_file(step.directory, file))
        return str(place)

    places = in_parallel(fetch, files.files, COPIES_AT_ONCE)
    return concatenate_datasets([Dataset.from_file(place) for place in places])


def row_order(rows: Any, optimizer: Optimizer) -> Any:
    """Numbers of the rows of all epochs in the order of training, as a numpy array."""
    return np.array(training_order(len(rows), optimizer))
