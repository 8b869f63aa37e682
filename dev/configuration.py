"""Writes docs/configuration.md from the code: `python -m dev.configuration`.

Fields, types, defaults and sentences are read from the source of the recipes and of the resources, so the page cannot
differ from them; a test compares the two.
"""

import ast
import inspect
from pathlib import Path
from types import ModuleType

from ray_jobs.cost import rates
from ray_jobs.resources import presets, resources, weak
from w2s import recipe
from w2s.experiments.described import fields_of
from w2s.recipe import model, problems

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
HEAD = """# Configuration

Two kinds of values decide a run. A **recipe** says what is computed; it is part of a step's identity, so a changed
field makes new steps. **Resources** say where and how wide it runs; changing them changes no step.

This page is made from the code by `python -m dev.configuration`.

## How to set a field

```
w2s run quickstart --store store --set dpo.beta=0.3 sft.epochs=3 weak_sft=null
w2s run quickstart --store store --resources local,workers=1,cpus_per_engine=2
```

A value is JSON where it parses as JSON, else text. `none` and `null` are None. A tuple is a JSON list, a recipe a JSON
object. An unknown field, a wrong type or a refused value ends the command with one line that names it. Fields of one
part that stand beside each other are checked together: `--resources local,min_engines=3,max_engines=3`.

## Environment variables

| variable | meaning |
|---|---|
| `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL` | the S3 server of the store, where it is not AWS |
| `AWS_REGION`, `AWS_DEFAULT_REGION` | its region |
| `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_PROFILE` | credentials, found by botocore in its usual order |
| `HF_TOKEN` | the Hugging Face hub, for gated models and datasets |
| `HF_HOME` | where the hub's downloads are kept |
| `W2S_CACHE` | models, adapters, and what is remembered of them; default: `w2s-UID` in the temporary folder |
| `W2S_COMMIT` | the commit that manifests record, where the code runs outside a git checkout |
| `W2S_DASHBOARD` | any value: a Ray that the run starts by itself has a dashboard too ([metrics.md](metrics.md)) |
| `RAY_ADDRESS` | the Ray cluster to join; without it a run starts its own Ray on loopback |
| `RAY_AUTH_MODE`, `RAY_AUTH_TOKEN` | Ray's token authentication; `w2s submit` uses a token that it finds |
| `RAY_USAGE_STATS_ENABLED` | Ray's reports to its makers; 0 by default for `w2s run`, `w2s cluster up`, images |
| `VLLM_ENGINE_READY_TIMEOUT_S` | seconds that an engine may take to load; default: 3600 |
| `RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S` | seconds that a training may wait for its nodes; default: 3600 |
| `VLLM_CACHE_ROOT`, `TRITON_CACHE_DIR` and others | compiled code of engines on GPUs; default: below `W2S_CACHE` |

"""

MEMORY = """### Memory of a training worker

By arithmetic, for a base of P parameters, an adapter of A parameters and N workers; activations and logits come on top.
Under ZeRO-3 the layers in use are gathered too, up to a billion parameters.

| with an adapter | zero_stage=0 | zero_stage=3 |
|---|---|---|
| base, train_dtype=bfloat16 | 2 P bytes | 2 P / N bytes |
| base, train_dtype=float32 | 4 P bytes | 4 P / N bytes |
| adapter with gradient, float32 copy and two moments | 16 A bytes | 16 A / N bytes |

| all weights (`lora=none`) | zero_stage=0 | zero_stage=3 |
|---|---|---|
| train_dtype=bfloat16: weights; float32 copies, gradients, two moments | 18 P bytes | 18 P / N bytes |
| train_dtype=float32: weights, gradients, two moments; ZeRO-3 copies the weights | 16 P bytes | 20 P / N bytes |

ZeRO-3 copies gradients for the optimizer's step, of up to a billion parameters at once: at most 4 P / N bytes more.

In bfloat16 and GB a GPU, at the default rank of 8, without the layers in use:

| base | an adapter, one GPU | an adapter, ZeRO-3 on 8 | all weights, one GPU | ZeRO-3 on 8 | on 32 |
|---|---|---|---|---|---|
| Qwen2.5-0.5B | 1.1 | 0.1 | 8.9 | 1.1 | 0.3 |
| Llama-3.1-8B | 16.4 | 2.1 | 145 | 18 | 4.5 |
| Llama-3.1-70B | 143 | 18 | 1,270 | 159 | 40 |

`w2s plan --resources` counts this for the run's own bases, and what does not fit is refused before anything starts.

`sft.lora=none` trains all weights of the strong model, `weak_sft.lora=none` those of the weak one. DPO and ORPO train
what M_plus is, so they have no such field. The step's `model/` is then the whole model in train_dtype, with the base's
own tokenizer and configuration. Engines load it as a base of its own: each sampled model takes an engine start, which
adapters of one base share, and 2 P bytes (bfloat16) of the store and of `W2S_CACHE`. A checkpoint holds 12 P bytes. The
first worker has it twice in its node's memory while it saves, and every worker when it resumes. The default learning
rates are an adapter's; all weights want about a tenth, like `sft.learning_rate=1e-5 dpo.learning_rate=1e-6`. Engines
that have no adapters for an architecture ([models.md](models.md)) take whole models of it.

A mixture of experts is adapted in its attention and in other linear layers that `lora.targets` names. Its experts and
routers are not adapted: transformers stacks experts in tensors that are no linear layers; `lora=none` trains them too.
Vision parts are never trained. A model with soft caps on attention (Gemma-2) is trained with eager attention, which
holds micro_batch x heads x length^2 values per layer.

### QLoRA

`quantize_base=true` holds the frozen base of an adapter's training in 4 bits (NF4 with quantized constants, arXiv
2305.14314): 0.516 bytes for each weight of the decoder's linear layers, of which the GPU makes one at a time of 16 bits
again. Embeddings, norms and head stay in `train_dtype`, and so does a mixture's stack of experts, which is no linear
layer. In GiB a GPU: Llama-3.1-8B 5.5 in place of 15, Qwen3-32B 18 in place of 61.

It is for a GPU that has no room for the base beside what a training needs, or none for a larger micro batch. It needs
`zero_stage=0`, `train_dtype=bfloat16`, bitsandbytes (`pip install 'w2s[qlora]'`, in the GPU lock file) and an adapter:
`lora=none` is refused, and so is a base whose own weights are quantized. Three sides of it are worth knowing:

- Engines sample from the base in `engine_dtype`, so they must hold it in 16 bits, on `gpus_per_engine` GPUs. The
  adapter was trained beside a rounded copy: its losses are those of another model by some per cent. A training's
  manifest counts `base_bits` 4. As every resource it is part of no step's identity.
- Seconds of `w2s plan` do not count the time in which weights become 16 bits again.
- Where bitsandbytes is installed, PEFT imports it in every training: about 0.9 processor seconds a worker. So set-up on
  CPU leaves it out; `make test` installs it beside, and trains with it.
"""


def fields(node: ast.ClassDef) -> list[tuple[str, str, str, str]]:
    """(name, type, default, sentence) of a class's fields, in order."""
    return [(field.name, field.type, field.default, field.sentence) for field in fields_of(node)]


def section(node: ast.ClassDef) -> str:
    """A heading, the class's first sentence and a table of its fields."""
    rows = fields(node)
    first = (ast.get_docstring(node) or "").split("\n\n")[0]
    lines = [f"### {node.name}", "", " ".join(first.split()), ""]
    if rows:
        lines += ["| field | type | default | meaning |", "|---|---|---|---|"]
        lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
        lines += [""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    escaped = text.replace("|", "\\|").replace("\n", " ")
    return escaped


def classes(module: ModuleType) -> list[ast.ClassDef]:
    """The classes of a module that have fields, in the order of the source."""
    nodes = ast.parse(inspect.getsource(module)).body
    return [node for node in nodes if isinstance(node, ast.ClassDef) and fields(node)]


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## Recipes\n\nAn experiment is an `Experiment`; the other recipes are its parts.\n"]
    parts += [section(node) for node in (*classes(model), *classes(problems), *classes(recipe))]
    parts += ["## Resources\n", *(section(node) for node in (*classes(resources), *classes(weak)))]
    names = ", ".join(f"`{name}`" for name in presets.PRESETS)
    parts += [f"Presets, with their memory arithmetic, are in `ray_jobs/resources/presets.py`: {names}.\n", MEMORY]
    parts += ["\n## Rates\n", *(section(node) for node in classes(rates))]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
