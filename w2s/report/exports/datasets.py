"""Kept sets and preference pairs as rows for TRL, for LLaMA-Factory, and with all their fields.

TRL: prompt-completion and explicit-prompt preference rows, text in the completion style and turns in the chat style.
LLaMA-Factory: rows of its alpaca format, which `dataset_info` maps; its own template makes the turns of a chat.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from w2s.method.prompts import ask, completion_text
from w2s.recipe import Prompt
from w2s.records import PreferencePair, SFTExample

Row = SFTExample | PreferencePair


def files(name: str, rows: Sequence[Row], prompt: Prompt) -> dict[str, bytes]:
    """Path in the export -> bytes, of the three files that one table becomes."""
    return {
        f"trl/{name}.jsonl": _lines([trl(row, prompt) for row in rows]),
        f"llama-factory/{name}.jsonl": _lines([llama_factory(row, prompt) for row in rows]),
        f"jsonl/{name}.jsonl": _lines([asdict(row) for row in rows]),
    }


def trl(row: Row, prompt: Prompt) -> dict[str, Any]:
    """A row for TRL's SFTTrainer, or DPOTrainer and ORPOTrainer."""
    asked, answers = ask(prompt, row.question), _answers(row)
    if prompt.style == "chat":
        turns: dict[str, Any] = {"prompt": [{"role": "user", "content": asked}]}
        return turns | {
            side: [{"role": "assistant", "content": completion_text(prompt, text)}] for side, text in answers.items()
        }
    return {"prompt": asked, **{side: completion_text(prompt, text) for side, text in answers.items()}}


def llama_factory(row: Row, prompt: Prompt) -> dict[str, str]:
    """A row for LLaMA-Factory, as `dataset_info` describes it."""
    answers = {side: completion_text(prompt, text) for side, text in _answers(row).items()}
    return {"instruction": ask(prompt, row.question), **answers}


def dataset_info(names: dict[str, type[Row]]) -> bytes:
    """LLaMA-Factory's dataset_info.json for tables by name."""
    info: dict[str, Any] = {}
    for name, record in names.items():
        sides = ("chosen", "rejected") if record is PreferencePair else ("completion",)
        columns = {"prompt": "instruction"} | {("response" if side == "completion" else side): side for side in sides}
        ranking = {"ranking": True} if record is PreferencePair else {}
        info[name] = {"file_name": f"{name}.jsonl", **ranking, "columns": columns}
    return (json.dumps(info, indent=2) + "\n").encode()


def _answers(row: Row) -> dict[str, str]:
    if isinstance(row, PreferencePair):
        return {"chosen": row.chosen, "rejected": row.rejected}
    return {"completion": row.completion}


def _lines(rows: Sequence[dict[str, Any]]) -> bytes:
    """JSON Lines in ASCII, because some readers also end a line at a Unicode line separator."""
    return "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows).encode()
