"""Token rows in files: written once, by one task a shard, and read by every worker as a memory-mapped dataset.

The files are Arrow streams, as `datasets` maps them, in the step's `training/`. So the driver holds counts, and a
worker's memory does not grow with the number of rows.
"""

import posixpath
import secrets
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

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


class Done(BaseModel):
    """What the task of one shard returns to the driver."""

    number: int
    file: File | None
    counts: RowCounts
    weight: float
    left_out: dict[str, int]


def write_rows(step: Step, store: Store) -> TokenFiles:
    """Tokenize what the step learns from and write it, shard by shard.

    Raises ValueError if no row can be trained on, or if pairs are weighted and all have a confidence of 0.
    """
    recipe = step.recipe
    assert isinstance(recipe, FineTune | Prefer)
    folder = layout.token_rows(secrets.token_hex(4))
    tasks = tasks_of(step, store, input_records(step))
    done = sorted(each_done(tasks, partial(write_shard, step, store, folder), Done), key=lambda shard: shard.number)
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
    tokenizer = load_tokenizer(base_folder(recipe.model, weights=False))
    tokens = Tokens(tokenizer, recipe.model.prompt)
    rows, counts = token_rows(examples, tokens, recipe.optimizer.max_tokens, is_weighted(recipe))
    file = put(store.objects, step.directory, f"{folder}/{task.number:05d}.arrow", arrow_bytes(rows)) if rows else None
    weight = sum(row.get("weight", 0.0) for row in rows)
    return Done(number=task.number, file=file, counts=counts, weight=weight, left_out=left_out)


def arrow_bytes(rows: list[TokenRow]) -> bytes:
    """The rows as one Arrow stream; token ids are lists of int32, a weight is a float64."""
    types = {name: pa.float64() if name == "weight" else pa.list_(pa.int32()) for name in rows[0]}
    table = pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table, max_chunksize=1000)
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

    places = in_parallel(fetch, files.files)
    return concatenate_datasets([Dataset.from_file(place) for place in places])


def in_training_order(rows: Any, optimizer: Optimizer) -> Any:
    """The rows of all epochs in the order of training."""
    return rows.select(training_order(len(rows), optimizer))
