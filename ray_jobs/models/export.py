"""A trained model as a folder that PEFT, transformers and vLLM load: an adapter, the base with it merged, or a whole
model.

Not here: the card (w2s/report/exports/cards.py).
"""

import json
import shutil
from pathlib import Path
from typing import Any

from ray_jobs.models.adapters import load_model
from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from w2s.graph.step import Table
from w2s.recipe import Model, Prompt
from w2s.report.exports.cards import is_hub
from w2s.store.store import Store

PROBE = "How many pens does Leo have?"


def export_adapter(store: Store, table: Table, model: Model, folder: Path, final: Path) -> str:
    """Write the adapter into `folder`, which will be moved to `final`. Returns the base as its configuration names it.

    A base of the hub is named by its name and commit; the files of any other base are copied into `base/`.
    """
    base = str(final / "base")
    for file in store.files(table):
        data, name = store.read_file(table.step.directory, file), Path(file.path).name
        if name == "adapter_config.json":
            config: dict[str, Any] = json.loads(data)
            config |= {"base_model_name_or_path": base, "revision": None}
            if is_hub(model):
                config |= {"base_model_name_or_path": model.name, "revision": model.revision}
            data = json.dumps(config, indent=2, sort_keys=True).encode()
        (folder / name).write_bytes(data)
    if is_hub(model):
        return model.name
    shutil.copytree(base_folder(model), folder / "base")
    return base


def export_whole(store: Store, table: Table, folder: Path) -> None:
    """Write the files of a model of which all weights were trained."""
    for file in store.files(table):
        (folder / Path(file.path).name).write_bytes(store.read_file(table.step.directory, file))


def export_merged(adapter: Path, model: Model, folder: Path) -> None:
    """Write the base with the adapter added to its weights, in the base's own dtype and with its own config.json.

    The whole base is in this machine's memory meanwhile.
    """
    load_model(model, adapter).merge_and_unload(safe_merge=True).save_pretrained(folder)
    # transformers 5 writes RoPE under a name that transformers 4 does not know; it would take its default in silence.
    shutil.copy(base_folder(model) / "config.json", folder / "config.json")


def export_tokenizer(model: Model, folder: Path, max_tokens: int) -> tuple[int, ...] | None:
    """Write the tokenizer, a chat template that makes the run's prompts, and the generation config with end tokens and
    stop strings.

    Returns None where this tokenizer makes the run's prompts of their text by itself, else the ids that they begin
    with.

    Raises ValueError where the tokenizer or its chat template cannot be used.
    """
    from transformers import GenerationConfig

    tokenizer = load_tokenizer(base_folder(model, weights=False))
    tokens = Tokens(tokenizer, model.prompt)
    ids = tokens.prompt_ids(PROBE)
    first: tuple[int, ...] | None = None
    if model.prompt.style == "completion":
        text = model.prompt.template.replace("{question}", PROBE)
        plain: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        first = tuple(ids[: len(ids) - len(plain)])
        tokenizer.chat_template = completion_template(model.prompt, tokenizer.decode(list(first)))
        if tokenizer(text)["input_ids"] == ids:
            first = None
    tokenizer.save_pretrained(folder)
    _name_older_class(folder / "tokenizer_config.json")
    GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=sorted(tokens.end_tokens),
        pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
        do_sample=False,
        max_new_tokens=max_tokens,
        stop_strings=list(model.prompt.stop_strings) or None,
    ).save_pretrained(folder)
    return first


def _name_older_class(file: Path) -> None:
    """Name the class of a plain tokenizer.json as transformers 4 and 5 know it; only 5 has a TokenizersBackend."""
    config: dict[str, Any] = json.loads(file.read_bytes())
    if config.get("tokenizer_class") == "TokenizersBackend":
        file.write_text(json.dumps(config | {"tokenizer_class": "PreTrainedTokenizerFast"}, indent=2) + "\n")


def completion_template(prompt: Prompt, start: str) -> str:
    """A chat template in Jinja that renders a conversation as the completion style does (w2s/method/prompts.py).

    `start` is the text of the tokens before a prompt.
    """
    before, after = prompt.template.split("{question}")
    user = f"{{{{ {_text(before)} + message['content'] | trim + {_text(after)} }}}}"
    assistant = "{{ ' ' + message['content'] | trim }}"
    separator = f"{{% if not loop.first %}}{{{{ {_text(prompt.separator)} }}}}{{% endif %}}"
    return (
        f"{{{{ {_text(start)} }}}}{{% for message in messages %}}"
        f"{{% if message['role'] == 'assistant' %}}{assistant}{{% else %}}{separator}{user}{{% endif %}}{{% endfor %}}"
    )


def _text(value: str) -> str:
    """A Jinja string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"
