"""Token ids of prompts and completions, made in one place, so that engine and trainer get the same ids."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ray_jobs.models.chat import ChatTemplate
from ray_jobs.models.tokenizers import additional_special, adds_bos
from w2s.method.prompts import completion_text, prompt_text
from w2s.recipe import Prompt
from w2s.records import Demonstration

MARK = "\ue0f2"
"""Encloses the number of a special token that is hidden from the chat template and the tokenizer."""


@dataclass
class Tokens:
    """A tokenizer with a prompt recipe.

    A special token that is spelled out in a question, a demonstration or a completion is plain text: only what the
    tokenizer itself (its BOS) or its chat template adds is obeyed.

    Raises ValueError where the recipe's own texts contain special tokens, or the chat template cannot be used.
    """

    tokenizer: Any
    prompt: Prompt
    boundary_merges: int = field(default=0)
    """Completions whose first token would have merged with the prompt's last; these are encoded separately."""

    def __post_init__(self) -> None:
        self.chat = ChatTemplate(self.tokenizer, self.prompt) if self.prompt.style == "chat" else None
        if found := self._special.search(f"{self.prompt.template} {self.prompt.separator}"):
            way = "set prompt.style=chat, or leave it out" if self.chat is None else "leave it out"
            raise ValueError(
                f"prompt.template or prompt.separator contains {found[0]!r}, a special token of "
                f"{self.tokenizer.name_or_path}, which would be plain text there: {way}"
            )
        if self.tokenizer.convert_ids_to_tokens(self._end) not in self._end_text:
            raise ValueError(
                f"{self.tokenizer.name_or_path} does not read {self._end_text!r}, the end of a completion, as one "
                "token: repair added_tokens_decoder in its tokenizer_config.json"
            )

    @property
    def end_tokens(self) -> dict[int, str]:
        """Tokens that end a completion, by id: the tokenizer's end token, and the one that ends a chat turn."""
        ids = sorted({self.tokenizer.eos_token_id, self._end})
        return {number: str(self.tokenizer.convert_ids_to_tokens(number)) for number in ids}

    def prompt_ids(self, question: str, demonstrations: Sequence[Demonstration] = ()) -> list[int]:
        """Ids of the prompt, with BOS at its start where the model wants it, and no end token at its end."""
        return self._ids(question, demonstrations, "")

    def completion_ids(self, question: str, completion: str, prompt: list[int] | None = None) -> list[int]:
        """Ids of a completion after the zero-shot prompt, with the end token; `prompt` is `prompt_ids(question)`, where
        it is known."""
        text = self._completion_text(completion)
        before, both = prompt or self.prompt_ids(question), self._ids(question, (), text)
        if both[: len(before)] == before:
            ids = both[len(before) :]
        else:
            self.boundary_merges += 1
            ids = self._text_ids(text)
        return ids if ids[-1:] == [self._end] and self.chat else [*ids, self._end]

    def _ids(self, question: str, demonstrations: Sequence[Demonstration], completion: str) -> list[int]:
        """Ids of a prompt and, if it is not empty, of a completion; in the chat style with the end of its turn."""
        if self.chat is None:
            return self._bos + self._text_ids(prompt_text(self.prompt, question, demonstrations) + completion)
        hidden: list[str] = []

        def hide(text: str) -> str:
            return self._special.sub(lambda found: f"{MARK}{hidden.append(found[0]) or len(hidden) - 1}{MARK}", text)

        # Templates that drop the thoughts of earlier turns must not see the completions.
        completions = [self.chat.thought + hide(self._completion_text(d.completion)) for d in demonstrations]
        unseen = {f"{MARK}{len(hidden) + n}{MARK}": text for n, text in enumerate(completions)}
        hidden += completions
        marks = zip(demonstrations, unseen, strict=True)
        shown = [Demonstration(d.problem_id, hide(d.question), mark) for d, mark in marks]
        text = self.chat.prompt_text(hide(question), shown)
        text = re.sub(f"{MARK}[0-9]+{MARK}", lambda found: unseen.get(found[0], found[0]), text)
        text += hide(completion) + self.chat.end if completion else ""
        parts = re.split(f"{MARK}([0-9]+){MARK}", text)
        ids = [self._text_ids(hidden[int(part)]) if i % 2 else self._obeyed_ids(part) for i, part in enumerate(parts)]
        return [number for part in ids for number in part]

    def _completion_text(self, completion: str) -> str:
        """The text of a completion behind its prompt, which may have opened the thought that it begins with."""
        text = completion_text(self.prompt, completion)
        if self.chat and self.chat.thought and text.startswith(tag := self.chat.thought.strip()):
            return text.removeprefix(tag).lstrip()
        return text

    def _obeyed_ids(self, text: str) -> list[int]:
        """Ids of a text whose special tokens are obeyed."""
        return self.tokenizer(text, add_special_tokens=False, split_special_tokens=False)["input_ids"]

    def _text_ids(self, text: str) -> list[int]:
        """Ids of a text whose special tokens are plain text."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        if not self._special_ids.intersection(ids):
            return ids
        # Tokens that are not marked as special are obeyed all the same, unless they are cut.
        cut = [found.start() + 1 for found in self._special.finditer(text)]
        parts = [text[start:end] for start, end in zip([0, *cut], [*cut, None], strict=True)]
        return [number for part in parts for number in self._pieces(part)]

    def _pieces(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]

    @cached_property
    def _special(self) -> re.Pattern[str]:
        """Finds the tokens that no text may contain: special ones, and those that mark turns in the chat template."""
        scaffold = self.chat.scaffold if self.chat else ""
        named = additional_special(self.tokenizer.name_or_path) & self.tokenizer.get_added_vocab().keys()
        tokens = {*self.tokenizer.all_special_tokens, *named, MARK}
        for token in self.tokenizer.added_tokens_decoder.values():
            if token.special or (token.content.strip() and token.content in scaffold):
                tokens.add(token.content)
        return re.compile("|".join(re.escape(token) for token in sorted(tokens - {""}, key=len, reverse=True)))

    @cached_property
    def _special_ids(self) -> set[int]:
        added = self.tokenizer.added_tokens_decoder.items()
        return {number for number, token in added if self._special.fullmatch(token.content)}

    @property
    def _end_text(self) -> str:
        return self.chat.end if self.chat else self.tokenizer.eos_token

    @cached_property
    def _end(self) -> int:
        """The token that a completion ends with."""
        return self._obeyed_ids(f"x{self._end_text}")[-1] if self.chat else self.tokenizer.eos_token_id

    @cached_property
    def _bos(self) -> list[int]:
        """What the tokenizer puts before a text; what it appends (`add_eos_token`, [SEP]) has no place in a prompt."""
        plain, whole = (self.tokenizer("a", add_special_tokens=special)["input_ids"] for special in (False, True))
        starts = (i for i in range(len(whole)) if whole[i : i + len(plain)] == plain)
        ids: list[int] = whole[: next(starts, 0)]
        bos, wanted = self.tokenizer.bos_token_id, adds_bos(self.tokenizer.name_or_path)
        if bos is None or wanted is None:
            return ids
        return [*([bos] if wanted else []), *(number for number in ids if number != bos)]
