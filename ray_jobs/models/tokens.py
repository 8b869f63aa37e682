"""Token ids of prompts and completions, made in one place, so that engine and trainer get the same ids."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple
from unicodedata import normalize

from ray_jobs.models.chat import ChatTemplate
from ray_jobs.models.tokenizers import additional_special, adds_bos
from w2s.method.prompts import completion_text, prompt_text
from w2s.recipe import Prompt
from w2s.records import Demonstration

BOUNDARY_IDS = 8
"""More ids than two texts have where they are encoded apart, or where others stand between them."""
MARK = "\ue0f2"
"""Encloses the number of a special token that is hidden from the chat template and the tokenizer."""


class Piece(NamedTuple):
    """A part of a text for the tokenizer."""

    text: str
    obeyed: bool = False
    """Whether its special tokens are obeyed."""


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
        return self.prompts_ids([question], demonstrations)[0]

    def most_ids(self, question: str) -> int:
        """No prompt has more ids than the one of the question `?` and these.

        A token has at least a byte, of the text as the tokenizer normalizes it; a text before or behind a special token
        may begin with a token for the space before it.
        """
        forms = {question} if question.isascii() else {question, normalize("NFKD", question)}
        specials = sum(1 for _ in self._special.finditer(question))
        return max(len(form.encode()) for form in forms) + BOUNDARY_IDS * (1 + specials)

    def completion_ids(self, question: str, completion: str) -> list[int]:
        """Ids of a completion after the zero-shot prompt, with the end token."""
        return self.completions_ids([question], [completion], self.prompts_ids([question]))[0]

    def prompts_ids(self, questions: Sequence[str], demonstrations: Sequence[Demonstration] = ()) -> list[list[int]]:
        """`prompt_ids` of many questions, encoded together."""
        return self._ids([self._pieces(question, demonstrations, "") for question in questions])

    def completions_ids(
        self, questions: Sequence[str], completions: Sequence[str], prompts: Sequence[list[int]]
    ) -> list[list[int]]:
        """`completion_ids` of many completions, encoded together; `prompts` are the `prompt_ids` of the questions."""
        texts = [self._completion_text(completion) for completion in completions]
        wholes = self._ids([self._pieces(asked, (), text) for asked, text in zip(questions, texts, strict=True)])
        follow = [whole[: len(before)] == before for before, whole in zip(prompts, wholes, strict=True)]
        apart = iter(self._text_ids([text for text, follows in zip(texts, follow, strict=True) if not follows]))
        self.boundary_merges += follow.count(False)
        ends: list[list[int]] = []
        for before, whole, follows in zip(prompts, wholes, follow, strict=True):
            ids = whole[len(before) :] if follows else next(apart)
            ends.append(ids if ids[-1:] == [self._end] and self.chat else [*ids, self._end])
        return ends

    def _ids(self, texts: Sequence[Sequence[Piece]]) -> list[list[int]]:
        """Ids of texts that are given in pieces, with BOS where no chat template writes it."""
        pieces = [piece for text in texts for piece in text]
        plain = iter(self._text_ids([piece.text for piece in pieces if not piece.obeyed]))
        obeyed = iter(self._encoded([piece.text for piece in pieces if piece.obeyed], split=False))
        start = [] if self.chat else self._bos
        return [list(chain(start, *[next(obeyed if piece.obeyed else plain) for piece in text])) for text in texts]

    def _pieces(self, question: str, demonstrations: Sequence[Demonstration], completion: str) -> list[Piece]:
        """The text of a prompt and, if it is not empty, of a completion; in the chat style with the end of its turn."""
        if self.chat is None:
            return [Piece(prompt_text(self.prompt, question, demonstrations) + completion)]
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
        return [Piece(hidden[int(part)]) if i % 2 else Piece(part, obeyed=True) for i, part in enumerate(parts)]

    def _completion_text(self, completion: str) -> str:
        """The text of a completion behind its prompt, which may have opened the thought that it begins with."""
        text = completion_text(self.prompt, completion)
        if self.chat and self.chat.thought and text.startswith(tag := self.chat.thought.strip()):
            return text.removeprefix(tag).lstrip()
        return text

    def _text_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of texts whose special tokens are plain text."""
        return [
            self._cut_ids(text) if self._special_ids.intersection(ids) else ids
            for text, ids in zip(texts, self._encoded(texts, split=True), strict=True)
        ]

    def _cut_ids(self, text: str) -> list[int]:
        """Ids of a text with tokens that are not marked as special, which are obeyed all the same unless they are
        cut."""
        cut = [found.start() + 1 for found in self._special.finditer(text)]
        parts = [text[start:end] for start, end in zip([0, *cut], [*cut, None], strict=True)]
        return list(chain(*self._encoded(parts, split=True)))

    def _encoded(self, texts: Sequence[str], split: bool) -> list[list[int]]:
        """What the tokenizer makes of each text; with `split`, special tokens are plain text.

        Its Rust tokenizer is called itself, because transformers spends as much time around it as in it.
        """
        known = dict.fromkeys(texts)
        backend: Any = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is None:
            found = [self.tokenizer(text, add_special_tokens=False, split_special_tokens=split) for text in known]
            known = dict(zip(known, [encoding["input_ids"] for encoding in found], strict=True))
        else:
            backend.no_truncation()
            backend.no_padding()
            backend.encode_special_tokens = split
            found = backend.encode_batch_fast(list(known), add_special_tokens=False)
            known = dict(zip(known, [encoding.ids for encoding in found], strict=True))
        return [known[text] for text in texts]

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
        if self.chat is None:
            return self.tokenizer.eos_token_id
        return self._encoded([f"x{self._end_text}"], split=False)[0][-1]

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
