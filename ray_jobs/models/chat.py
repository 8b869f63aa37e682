"""A tokenizer's chat template: the text of a prompt, and what ends an assistant's turn.

Templates are programs of the model folder, in Jinja's sandbox: they may drop a turn, raise, or print today's date.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from w2s.answers.reading import opened_thought
from w2s.errors import first_line
from w2s.method.prompts import messages
from w2s.recipe import Prompt
from w2s.records import Demonstration

SWITCHES = ("enable_thinking", "thinking")
"""What templates call `Prompt.thinking`: Qwen3, SmolLM3 and GLM the first, Granite and DeepSeek-V3.1 the second."""
QUESTION, ANSWER = "w2sQuestion", "w2sAnswer"
"""Stand in for the texts of turns, where only what the template adds is wanted."""
PROBE = "Is 3 < 4 & \"5\" > '2'?\n\n$\\frac{1}{2}$\tnaïve  " + "long " * 2000 + "end"
"""A text that a template must not change: signs that HTML and JSON escape, white space, and more than a summary's
length."""


class ChatTemplate:
    """The chat template of a tokenizer, rendered at the recipe's date.

    Raises ValueError where there is none, or it does not render the turns of a prompt and its answer.
    """

    def __init__(self, tokenizer: Any, prompt: Prompt) -> None:
        self._tokenizer, self._prompt = tokenizer, prompt
        self._name = tokenizer.name_or_path
        if not tokenizer.chat_template:
            raise ValueError(
                f"{self._name} has no chat template in tokenizer_config.json or chat_template.jinja (some models have "
                "it in chat_template.json, which tokenizers do not read): put it there, or set "
                "prompt.style=completion for this model"
            )
        self._date = date.fromisoformat(prompt.date)
        self._switches = {} if prompt.thinking is None else dict.fromkeys(SWITCHES, prompt.thinking)
        opened, closed = self._around_answer()
        self.scaffold = self._render(_turns(QUESTION), add_generation_prompt=True)
        """A prompt with its question left blank."""
        self.end = self._end(closed)
        """Text behind an assistant's content up to and with the token that ends the turn, which is the last one."""
        self._opening = ""
        """What opens the assistant's turn where the template knows no generation prompt."""
        if any(self.scaffold.rstrip().endswith(token) for token in (self.end.strip(), tokenizer.eos_token)):
            if not opened.startswith(self.scaffold) or opened.rstrip() == self.scaffold.rstrip():
                raise self._refusal("it ends a prompt with the end of a turn, so the model would have nothing to add")
            self._opening = opened.removeprefix(self.scaffold)
            self.scaffold = opened
        if prompt.thinking is not None and not self._knows_thinking():
            raise ValueError(
                f"the chat template of {self._name} knows neither {' nor '.join(SWITCHES)}, so prompt.thinking="
                f"{str(prompt.thinking).lower()} would change nothing: set prompt.thinking=none for this model"
            )
        self.thought = opened_thought(self.scaffold)
        """What opens a thought at a prompt's end; empty where the model itself opens its thoughts."""

    def prompt_text(self, question: str, demonstrations: Sequence[Demonstration] = ()) -> str:
        """The prompt up to where the assistant's answer begins."""
        turns = messages(self._prompt, question, demonstrations)
        return self._render(turns, add_generation_prompt=True) + self._opening

    def _render(self, turns: list[dict[str, str]], add_generation_prompt: bool) -> str:
        try:
            return self._tokenizer.apply_chat_template(
                turns,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
                strftime_now=self._date.strftime,  # in place of transformers' function, which asks the clock
                **self._switches,
            )
        except Exception as error:  # whatever a template raises, or its parser
            raise self._refusal(f"it fails ({first_line(error)})") from error

    def _knows_thinking(self) -> bool:
        """Whether a prompt is another one with the other value of `thinking`."""
        switches = self._switches
        texts: list[str] = []
        for thinking in (False, True):
            self._switches = dict.fromkeys(SWITCHES, thinking)
            texts.append(self._render(_turns(QUESTION), add_generation_prompt=True))
        self._switches = switches
        return texts[0] != texts[1]

    def _around_answer(self) -> tuple[str, str]:
        """The text before and behind the content of an assistant's last turn."""
        turns = [*_turns(QUESTION), {"role": "assistant", "content": ANSWER}]
        text = self._render([*turns, *turns], add_generation_prompt=False)
        if text.count(QUESTION) < 2 or text.count(ANSWER) < 2:
            raise self._refusal("it drops the text of a turn")
        probes = [{**turn, "content": PROBE} for turn in turns]
        if self._render(probes, add_generation_prompt=False).count(PROBE) < len(probes):
            raise self._refusal("it changes or cuts the text of a turn")
        text = self._render(turns, add_generation_prompt=False)
        before, _, behind = text.rpartition(ANSWER)
        return before, behind

    def _end(self, closed: str) -> str:
        """The part of `closed`, the text behind an assistant's content, that ends its turn."""
        tokens = {token.content for token in self._tokenizer.added_tokens_decoder.values()}
        first = min(
            ((closed.find(token), -len(token), token) for token in tokens if token and token in closed), default=None
        )
        if first is not None:
            return closed[: first[0]] + first[2]
        if closed.strip():
            raise self._refusal(f"an assistant's turn ends with {closed.strip()!r:.60}, which is no added token")
        return self._tokenizer.eos_token

    def _refusal(self, why: str) -> ValueError:
        return ValueError(
            f"the chat template of {self._name} cannot be used: {why}. Repair chat_template in the model's folder, or "
            "set prompt.style=completion for this model"
        )


def _turns(question: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}]
