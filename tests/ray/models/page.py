"""docs/models.md: the table, what its columns mean, and the command that made it."""

import math
from collections.abc import Sequence
from importlib.metadata import version

from tests.conftest import ROOT
from tests.ray.models.architectures import ARCHITECTURES
from tests.ray.models.row import Row

PAGE = ROOT / "docs" / "models.md"
HEAD = """# Models

`make models` takes a tiny random model of each architecture, with a tokenizer trained for it, through the method's own
functions: checks, weak SFT, sampling, agreement, pairs, DPO, ORPO and scores, in one process and with one engine. It
writes this page; `python -m tests.ray.models NAME --folder FOLDER` makes one row. The numbers are of vLLM {vllm} on
CPU, transformers {transformers}, PEFT {peft} and TRL {trl}, in float32. A row holds for every model whose config.json
names the same class, whatever the model is called.
"""
WORKS = """
## What works

| architecture | layers | same ids | base | adapter | change | ended | DPO | ZeRO-3 | kept, pairs | right |
|---|---|---|---|---|---|---|---|---|---|---|
"""
LEGEND = """
| column | meaning |
|---|---|
| layers | linear layers that the adapter changes; each had a gradient |
| same ids | problems whose prompt and completion have the same token ids in engine and trained row |
| base, adapter | largest difference in nats between engine and trainer, of {text} tokens' log-probabilities |
| change | largest change of a log-probability that the adapter makes in the engine, in nats |
| ended | completions of the trained model that end with the end token that training put there |
| DPO | DPO's first loss minus ln 2 |
| ZeRO-3 | first loss under ZeRO-3 minus the loss without it |
| kept, pairs | problems that agreement kept; preference pairs |
| right | right answers after DPO and after ORPO |
"""
REFUSED = """
## What is refused

Before anything starts, in one line, on a machine without GPUs. What remains possible was tried too. Vision models lack
torchvision there, of which PyPI has CUDA builds only; the image for GPUs has it.

| architecture | the line | what was tried |
|---|---|---|
"""


def write(rows: Sequence[Row], text: int) -> None:
    """Write the page of all rows; engine and trainer were compared on so many tokens."""
    parts = [HEAD.format(**{name: version(name) for name in ("transformers", "peft", "trl")}, vllm=_vllm())]
    whole = [row for row in rows if not row.refused]
    parts += [WORKS, *map(_works, whole), LEGEND.format(text=text)]
    parts += [REFUSED, *(_refused(row) for row in rows if row.refused)]
    if absent := [name for name in ARCHITECTURES if name not in {row.name for row in rows}]:
        parts.append(f"\nNot run for this page: {'; '.join(absent)}.\n")
    PAGE.write_text("".join(parts))


def _works(row: Row) -> str:
    if faults := row.faults():
        return f"| {row.name} | **{'; '.join(faults)}** | | | | | | | | | |\n"
    of, pipe = f"of {row.problems}", "\\|"  # a bare | would end the cell
    right = ", ".join(str(count) for count in row.right.values())
    cells = [
        row.name,
        str(row.layers),
        f"{row.same_ids} {of}",
        f"{row.base:.5f}",
        f"{row.adapter:.5f}",
        f"{row.change:.2f}",
        f"{row.ended} {of}, `{row.end_token.replace('|', pipe)}`",
        f"{row.dpo - math.log(2):.5f}",
        f"{row.zero_3:.5f}",
        f"{row.kept}, {row.pairs}",
        right,
    ]
    return f"| {' | '.join(cells)} |\n"


def _refused(row: Row) -> str:
    tried = []
    if row.layers:
        tried.append(f"trained: {row.layers} layers, ZeRO-3 {row.zero_3:.5f} apart")
    if not math.isnan(row.base):
        tried.append(f"the base sampled: {row.base:.5f} nats apart")
    tried += [f"**{fault}**" for fault in row.faults()]
    line = row.refused.replace("|", "\\|")
    return f"| {row.name} | {line} | {'; '.join(tried) or 'nothing'} |\n"


def _vllm() -> str:
    from ray_jobs.runtime.versions import versions

    return next(number for name, number in versions().items() if name.startswith("vllm"))
