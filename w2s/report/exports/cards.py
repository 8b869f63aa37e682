"""The cards (README.md) of an exported model and of exported data: what it is, how it came about, how to use it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from w2s.graph.fingerprint import stable
from w2s.graph.step import Step, with_upstream
from w2s.graph.trained import is_whole
from w2s.recipe import Model, Prompt
from w2s.report.sections import percent
from w2s.report.terminal import printable


@dataclass(frozen=True)
class ModelCard:
    """What the card of a model says."""

    step: Step
    base: Model
    base_path: str
    """Where the exported configuration finds the base; empty for a whole model."""
    first_ids: tuple[int, ...] | None
    """Token ids that a prompt begins with, where the exported tokenizer adds others to a text by itself; else None."""
    max_tokens: int
    experiment: str
    figures: Mapping[str, Any] | None
    """The model's row in the report (w2s/report/document/__init__.py); None without a report."""
    problems: int
    versions: Mapping[str, str]
    max_lora_rank: int = 0
    """vLLM's setting that covers the adapter's rank; 0 for a whole model."""


GREEDY = """--override-generation-config '{"temperature": 0}'"""
"""vLLM reads `temperature` alone of a generation config, so it samples at 1 where only `do_sample` is false."""

GENERATE = """turns = [{"role": "user", "content": "QUESTION"}]
inputs = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True, return_tensors="pt")
made = model.generate(**inputs, tokenizer=tokenizer)[0, inputs["input_ids"].shape[1] :]
print(tokenizer.decode(made, skip_special_tokens=True))"""
"""The card's code that asks one question."""


def model_card(card: ModelCard) -> str:
    """The README.md of a model's folder, in Markdown with the hub's metadata."""
    whole, on_hub = not card.base_path, is_hub(card.base)
    full = is_whole(card.step["model"])
    kind = "A model with all weights trained, made" if full else f"A {'merged model' if whole else 'LoRA adapter'} made"
    head = {"library_name": "transformers" if whole else "peft", "pipeline_tag": "text-generation"}
    head |= {"base_model": card.base.name} if on_hub else {}
    prompt = card.base.prompt
    lines = [
        _front(head | {"tags": ["w2s", "weak-to-strong", *([] if full else ["lora"])]}),
        f"# {card.step.name} of {printable(card.experiment)}",
        "",
        f"{kind} by w2s, weak-to-strong reasoning on Ray, from the base "
        f"`{_base(card.base)}`{'' if on_hub else ' (a hash of its files, which are on no hub)'}.",
        "",
        "## Figures",
        "",
        *_figures(card),
        "",
        "## Use",
        "",
        *_usage(card, whole),
        "",
        f"Greedy, at most {card.max_tokens} new tokens. `generation_config.json` has the end tokens that training "
        "taught.",
        *(_stops(prompt.stop_strings)),
        "",
        "## Prompt",
        "",
        *_prompt(prompt),
        *_first_ids(card.first_ids),
        *lineage(card.step),
        "",
        "## Recipe",
        "",
        _block("json", json.dumps(stable(card.step.recipe), indent=1, ensure_ascii=True)),
        "",
        "## Versions",
        "",
        ", ".join(f"{name} {version}" for name, version in card.versions.items()),
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def data_card(step: Step, experiment: str, rows: Mapping[str, int], counts: Mapping[str, float]) -> str:
    """The README.md of a folder of exported data."""
    configs = [{"config_name": name, "data_files": f"trl/{name}.jsonl"} for name in rows]
    tables = [f"| `{name}` | {count:,} |" for name, count in rows.items()]
    told = [f"| {_cell(name)} | {value:,g} |" for name, value in counts.items()]
    lines = [
        _front({"configs": configs, "tags": ["w2s", "weak-to-strong"]}),
        f"# {step.name} of {printable(experiment)}",
        "",
        "Training data that w2s, weak-to-strong reasoning on Ray, selected without gold answers. Completions are texts "
        "of models, right or wrong.",
        "",
        "| table | rows |",
        "|---|---|",
        *tables,
        "",
        "- `trl/`: rows for TRL: `prompt` and `completion`, or `prompt`, `chosen` and `rejected`",
        "- `llama-factory/`: the same rows for LLaMA-Factory, with their `dataset_info.json`",
        "- `jsonl/`: all fields, problem ids and sources among them",
        "",
        *(["## Counts", "", "| count | |", "|---|---|", *told, ""] if told else []),
        *lineage(step),
        "",
        "## Recipe",
        "",
        _block("json", json.dumps(stable(step.recipe), indent=1, ensure_ascii=True)),
        "",
    ]
    return "\n".join(lines)


def lineage(step: Step) -> list[str]:
    """The steps above a step, with their fingerprints, and which of them had gold answers."""
    upstream = with_upstream([step])
    gold = [s.name for s in upstream if any(table.name.endswith("_references") for _, table in s.inputs)]
    rows = [f"| {s.name} | {', '.join(f'{t.step.name}.{t.name}' for _, t in s.inputs)} | `{s.fingerprint}` |"
            for s in upstream]  # fmt: skip
    seen = f"Gold answers were an input of {', '.join(gold)} alone." if gold else "No step had gold answers."
    return ["## Lineage", "", "| step | inputs | fingerprint |", "|---|---|---|", *rows, "", seen]


def is_hub(model: Model) -> bool:
    """Whether a model is named by hub name and commit."""
    return ":" not in model.name and not (model.revision or "sha256:").startswith("sha256:")


def _base(model: Model) -> str:
    return f"{printable(model.name)}@{model.revision}" if is_hub(model) else str(model.revision)


def _figures(card: ModelCard) -> list[str]:
    if card.figures is None:
        return ["Not scored in this store."]
    row, pgr = card.figures, card.figures["pgr"]
    told = [
        f"- accuracy {percent(row['accuracy'])} ({row['right']} of {row['total']}), 95 % interval "
        f"{percent(row['low'])} to {percent(row['high'])}, greedy, {card.problems} test problems",
        f"- {row['undecided']} undecided and {row['unreadable']} unreadable answers count as not right",
    ]
    if pgr and pgr["value"] is not None:
        told.append(f"- performance gap recovered {percent(pgr['value'])} of the gap between weak floor and ceiling")
    return told


def _usage(card: ModelCard, whole: bool) -> list[str]:
    if whole:
        code = "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        code += 'model = AutoModelForCausalLM.from_pretrained("FOLDER")\n'
        code += 'tokenizer = AutoTokenizer.from_pretrained("FOLDER")\n'
        code += GENERATE
        return [_block("python", code), "", _block("sh", f"vllm serve FOLDER {GREEDY}")]
    code = "from peft import AutoPeftModelForCausalLM\nfrom transformers import AutoTokenizer, GenerationConfig\n\n"
    code += 'model = AutoPeftModelForCausalLM.from_pretrained("FOLDER")\n'
    code += 'model.generation_config = GenerationConfig.from_pretrained("FOLDER")  # PEFT takes the base\'s\n'
    code += 'tokenizer = AutoTokenizer.from_pretrained("FOLDER")\n'
    code += GENERATE
    base = card.base.name if is_hub(card.base) else "FOLDER/base"
    serve = f"vllm serve {base} --tokenizer FOLDER --generation-config FOLDER {GREEDY} "
    serve += f"--enable-lora --max-lora-rank {card.max_lora_rank} --lora-modules {card.step.name}=FOLDER"
    moved = [] if is_hub(card.base) else [
        "", f"The base is in `base/`, and `adapter_config.json` names it as `{card.base_path}`: change that where the "
        "folder is moved."
    ]  # fmt: skip
    return [_block("python", code), "", _block("sh", serve), *moved]


def _stops(strings: Sequence[str]) -> list[str]:
    if not strings:
        return []
    return [
        "",
        f"It also has the strings {json.dumps(list(strings))}, at which the run stopped. `generate` needs the "
        "tokenizer to see them; vLLM reads none, so give them as `stop` to the server.",
    ]


def _prompt(prompt: Prompt) -> list[str]:
    if prompt.style == "chat":
        said = f"The chat template of the tokenizer, rendered as on {prompt.date}; the user's turn is:"
    else:
        said = (
            "Plain text. `chat_template.jinja` makes the same text of a conversation; a solution follows after a space."
        )
    return [said, "", _block("text", prompt.template), ""]


def _first_ids(ids: Sequence[int] | None) -> list[str]:
    if ids is None:
        return []
    begins = f"begins with the token ids {list(ids)}" if ids else "begins with no special token"
    way = "encode it with add_special_tokens=False, or use the chat template"
    return [f"A prompt {begins}, and the tokenizer by itself adds others to a text: {way}.", ""]


def _front(values: Mapping[str, Any]) -> str:
    """The hub's metadata; JSON is YAML."""
    return "\n".join(["---", *(f"{name}: {json.dumps(value)}" for name, value in values.items()), "---"])


def _block(language: str, text: str) -> str:
    """A code block, whose fence is longer than any run of backticks in it."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"


def _cell(text: str) -> str:
    return printable(text).replace("|", "\\|")
