"""Token ids of prompts and completions, made in one place, so that engine and trainer get the same ids."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from w2s.method.prompts import completion_text, messages, prompt_text
from w2s.recipe import Prompt
from w2s.records import Demonstration


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder.

    Raises ValueError where the folder has no tokenizer, or the tokenizer has no end token.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"{folder} has no tokenizer that loads ({error}): put tokenizer.json and tokenizer_config.json there"
        ) from error
    if tokenizer.eos_token_id is None:
        raise ValueError(f"the tokenizer in {folder} has no end token: set eos_token in its tokenizer_config.json")
    return tokenizer


@dataclass
class Tokens:
    """A tokenizer with a prompt recipe.

    A special token that is spelled out in a question is split into pieces of plain text. In the chat style the
    tokenizer must obey the template's own special tokens, so a question that contains one is refused.
    """

    tokenizer: Any
    prompt: Prompt
    boundary_merges: int = field(default=0)
    """Completions whose first token would have merged with the prompt's last; these are encoded separately."""

    def __post_init__(self) -> None:
        if self.prompt.style == "chat" and not self.tokenizer.chat_template:
            raise ValueError(
                f"{self.tokenizer.name_or_path} has no chat template: set prompt.style=completion for this model"
            )

    def prompt_ids(self, question: str, demonstrations: Sequence[Demonstration] = ()) -> list[int]:
        """Ids of the prompt, with the tokenizer's own BOS where it has one."""
        if self.prompt.style == "chat":
            return self._encode(self._chat(question, demonstrations), chat=True)
        return self._encode(prompt_text(self.prompt, question, demonstrations))

    def completion_ids(self, question: str, completion: str) -> list[int]:
        """Ids of a completion after the zero-shot prompt, with the end token."""
        text = completion_text(self.prompt, completion)
        if self.prompt.style == "chat":
            start, joined = self._chat(question, ()), self._chat(question, ()) + text
        else:
            start = prompt_text(self.prompt, question)
            joined = start + text
        chat = self.prompt.style == "chat"
        before, both = self._encode(start, chat=chat), self._encode(joined, chat=chat)
        if both[: len(before)] == before:
            ids = both[len(before) :]
        else:
            self.boundary_merges += 1
            ids = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        end = self.tokenizer.eos_token_id
        return ids if ids and ids[-1] == end else [*ids, end]

    def _chat(self, question: str, demonstrations: Sequence[Demonstration]) -> str:
        texts = [question, *(text for shown in demonstrations for text in (shown.question, shown.completion))]
        for token in self.tokenizer.all_special_tokens:
            if any(token in text for text in texts):
                raise ValueError(
                    f"a question or demonstration contains the special token {token!r}, which the tokenizer would obey"
                )
        turns = messages(self.prompt, question, demonstrations)
        return self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)

    def _encode(self, text: str, chat: bool = False) -> list[int]:
        # A chat template writes its own BOS; plain text gets the tokenizer's.
        return self.tokenizer(text, add_special_tokens=not chat, split_special_tokens=not chat)["input_ids"]
