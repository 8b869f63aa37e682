"""The text a model is given: a question, alone or after demonstrations (paper.md, "Setting").

Text only. Token ids are made in ray_jobs/models/tokens.py, once, for the engine and the trainer alike.
"""

from collections.abc import Sequence

from w2s.recipe import Prompt
from w2s.records import Demonstration


def prompt_text(prompt: Prompt, question: str, demonstrations: Sequence[Demonstration] = ()) -> str:
    """A completion-style prompt: demonstrations in the question's own form, `separator` between, then the question."""
    shown = [ask(prompt, one.question) + completion_text(prompt, one.completion) for one in demonstrations]
    return prompt.separator.join([*shown, ask(prompt, question)])


def messages(prompt: Prompt, question: str, demonstrations: Sequence[Demonstration] = ()) -> list[dict[str, str]]:
    """A chat-style prompt: a user and an assistant turn for each demonstration, then the question as the user's turn."""
    turns: list[dict[str, str]] = []
    for one in demonstrations:
        turns += [
            {"role": "user", "content": ask(prompt, one.question)},
            {"role": "assistant", "content": completion_text(prompt, one.completion)},
        ]
    return [*turns, {"role": "user", "content": ask(prompt, question)}]


def ask(prompt: Prompt, question: str) -> str:
    """The template with the question in its place; braces in the question stay what they are."""
    return prompt.template.replace("{question}", question.strip(), 1)


def completion_text(prompt: Prompt, completion: str) -> str:
    """A completion as it follows its prompt: one space after `Answer:` in the completion style, none after a chat turn's header."""
    return completion.strip() if prompt.style == "chat" else f" {completion.strip()}"
