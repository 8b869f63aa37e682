"""The text a model gets: a question, alone or after demonstrations (the paper, "Setting").

Text only: ray_jobs/models/tokens.py makes token ids of it, once, for the engine and the trainer alike.
"""

from collections.abc import Sequence

from w2s.answers.reading import after_thoughts
from w2s.recipe import Prompt
from w2s.records import Demonstration


def prompt_text(prompt: Prompt, question: str, demonstrations: Sequence[Demonstration] = ()) -> str:
    """A completion-style prompt: solved demonstrations, then the question, joined by `separator`."""
    solved = [ask(prompt, demo.question) + completion_text(prompt, demo.completion) for demo in demonstrations]
    return prompt.separator.join([*solved, ask(prompt, question)])


def messages(prompt: Prompt, question: str, demonstrations: Sequence[Demonstration] = ()) -> list[dict[str, str]]:
    """A chat-style prompt: a user and an assistant turn for each demonstration, then the question as a user turn."""
    turns: list[dict[str, str]] = []
    for demo in demonstrations:
        turns += [
            {"role": "user", "content": ask(prompt, demo.question)},
            {"role": "assistant", "content": completion_text(prompt, demo.completion)},
        ]
    return [*turns, {"role": "user", "content": ask(prompt, question)}]


def ask(prompt: Prompt, question: str) -> str:
    """The template with the question filled in; braces in the question stay as they are."""
    return prompt.template.replace("{question}", question.strip(), 1)


def completion_text(prompt: Prompt, completion: str) -> str:
    """A completion as it follows its prompt, in a demonstration and as a target of training alike.

    In completion style it comes after one white space, which may be the template's own; without `thinking` it has no
    thoughts.
    """
    text = (after_thoughts(completion) if prompt.thinking is False else completion).strip()
    return text if prompt.style == "chat" or prompt.template[-1].isspace() else f" {text}"
