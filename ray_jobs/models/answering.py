"""One model that answers one question at a time, greedily, with a run's prompt, end tokens and stop strings.

Not here: sampling many problems (ray_jobs/sampling), which engines do.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from w2s.errors import first_line
from w2s.recipe import Model
from w2s.records import Demonstration

SECONDS = 600
"""Limit for one answer of a server."""


@dataclass
class Asking:
    """A model's tokens: what it is given, and where its answer ends."""

    model: Model
    demonstrations: Sequence[Demonstration]
    max_tokens: int

    def __post_init__(self) -> None:
        self.tokens = Tokens(load_tokenizer(base_folder(self.model, weights=False)), self.model.prompt)

    def ids(self, question: str) -> list[int]:
        """The prompt."""
        return self.tokens.prompt_ids(question, self.demonstrations)

    def whole(self, text: str) -> str:
        """The text before the first stop string."""
        cuts = [text.index(string) for string in self.model.prompt.stop_strings if string in text]
        return text[: min(cuts, default=len(text))].strip()


class LocalModel:
    """The model of `asking` or a whole trained one in the folder `base`, perhaps with an adapter, loaded by
    transformers on this machine."""

    def __init__(self, asking: Asking, base: Path | None = None, adapter: Path | None = None) -> None:
        import torch
        from peft import PeftModel
        from transformers import AutoModelForCausalLM
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        self.asking = asking
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            base or base_folder(asking.model), dtype="auto", trust_remote_code=False, use_safetensors=True
        )
        loaded = PeftModel.from_pretrained(loaded, str(adapter)) if adapter else loaded
        self.model: Any = loaded.to(self.device).eval()

    def answer(self, question: str) -> str:
        """The answer to one question."""
        import torch

        tokens, prompt = self.asking.tokens, self.asking.ids(question)
        ids = torch.tensor([prompt], device=self.device)
        stop = list(self.asking.model.prompt.stop_strings)
        end = list(tokens.end_tokens)
        given: dict[str, Any] = {"stop_strings": stop, "tokenizer": tokens.tokenizer} if stop else {}
        with torch.inference_mode():
            made = self.model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=self.asking.max_tokens,
                do_sample=False,
                eos_token_id=end,
                pad_token_id=end[0],
                **given,
            )
        return self.asking.whole(tokens.tokenizer.decode(made[0, len(prompt) :], skip_special_tokens=True))


class ServedModel:
    """A model behind an OpenAI-compatible server, which gets the prompt as token ids."""

    def __init__(self, asking: Asking, url: str, name: str = "") -> None:
        self.asking, self.url = asking, url.rstrip("/").removesuffix("/v1")
        served = [str(one["id"]) for one in self._ask("/v1/models")["data"]]
        if name and name not in served:
            raise ValueError(f"--served {name}: {url} serves {', '.join(served)}")
        if not name and len(served) != 1:
            raise ValueError(f"{url} serves {', '.join(served) or 'no model'}: choose one with --served NAME")
        self.name = name or served[0]

    def answer(self, question: str) -> str:
        """The answer to one question."""
        stop = list(self.asking.model.prompt.stop_strings)
        body = {
            "model": self.name,
            "prompt": self.asking.ids(question),
            "max_tokens": self.asking.max_tokens,
            "temperature": 0,
            "stop_token_ids": list(self.asking.tokens.end_tokens),
            **({"stop": stop[:4]} if stop else {}),  # the protocol allows four; `whole` cuts at all of them
        }
        try:
            return self.asking.whole(str(self._ask("/v1/completions", body)["choices"][0]["text"]))
        except (KeyError, IndexError) as error:
            raise ValueError(
                f"{self.url}: its answer has no completion ({error!r}): is it OpenAI-compatible?"
            ) from error

    def _ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        # S310: the command takes http:// and https:// alone.
        request = urllib.request.Request(f"{self.url}{path}", data, {"Content-Type": "application/json"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310
                found = json.loads(response.read())
        except urllib.error.HTTPError as error:
            said = error.read(300).decode(errors="replace")
            raise ValueError(f"{self.url}{path}: the server says {error.code}: {said}") from error
        except (OSError, ValueError) as error:
            raise ValueError(f"{self.url}{path}: no OpenAI-compatible server answers ({first_line(error)})") from error
        if not isinstance(found, dict):
            raise ValueError(f"{self.url}{path}: no OpenAI-compatible server answers: its answer is no JSON object")
        return found
