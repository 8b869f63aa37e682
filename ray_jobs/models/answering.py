"""One model that answers one question at a time, greedily, with a run's prompt, end tokens and stop strings.

Not here: sampling many problems (ray_jobs/sampling), which engines do.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, TypeVar

from ray_jobs.models.adapters import load_model
from ray_jobs.models.folders import base_folder
from ray_jobs.models.tokenizers import load_tokenizer
from ray_jobs.models.tokens import Tokens
from w2s.errors import first_line
from w2s.recipe import Model
from w2s.records import Demonstration
from w2s.report.terminal import printable

FIRST_SECONDS = 10
"""Time that a server has to say which models it serves."""
SECONDS = 600
"""Time that it has for one answer."""
CHECK_SERVER = "start one as docs/exporting.md says and wait until it listens, or give its address: http://HOST:PORT"
T = TypeVar("T")


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
    """The model of `asking`, perhaps with an adapter, or a whole trained one in its folder, loaded by transformers on
    this machine."""

    def __init__(self, asking: Asking, adapter: Path | None = None, whole: Path | None = None) -> None:
        import torch

        self.asking = asking
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model: Any = load_model(asking.model, adapter, whole).to(self.device).eval()

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
    """A model behind an OpenAI-compatible server, which gets the prompt as token ids.

    Raises ValueError where no such server answers at `url`, or not with the model called `name`.
    """

    def __init__(self, asking: Asking, url: str, name: str = "") -> None:
        self.asking, self.url = asking, url.rstrip("/").removesuffix("/v1")
        served = self._part("/v1/models", None, FIRST_SECONDS, lambda found: [str(one["id"]) for one in found["data"]])
        names = printable(", ".join(served))
        if name and name not in served:
            raise ValueError(f"--served {name}: {url} serves {names}")
        if not name and len(served) != 1:
            raise ValueError(f"{url} serves {names or 'no model'}: choose one with --served NAME")
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
        text = self._part("/v1/completions", body, SECONDS, lambda found: str(found["choices"][0]["text"]))
        return self.asking.whole(text)

    def _part(self, path: str, body: Any, seconds: float, part: Callable[[Any], T]) -> T:
        """The part of the server's answer that is wanted; the whole answer must come within some seconds."""
        place = f"{self.url}{path}"
        try:
            return part(json.loads(_answer(place, None if body is None else json.dumps(body).encode(), seconds)))
        except urllib.error.HTTPError as error:
            said = printable(error.read(300).decode(errors="replace"))
            raise ValueError(f"{place}: the server says {error.code}: {said}") from error
        except TimeoutError as error:
            raise ValueError(f"{place}: no answer within {seconds:g} s: {CHECK_SERVER}") from error
        except (OSError, HTTPException, ValueError, RecursionError, KeyError, IndexError, TypeError) as error:
            reason: Any = getattr(error, "reason", None)  # of a URLError, which only wraps it
            said = printable(first_line(reason if isinstance(reason, Exception) else error))
            raise ValueError(f"{place}: no OpenAI-compatible server answers ({said}): {CHECK_SERVER}") from error


def _answer(place: str, data: bytes | None, seconds: float) -> bytes:
    """What the server answers. Raises TimeoutError if its answer is not whole after `seconds`."""
    end = time.monotonic() + seconds
    # S310: the command takes http:// and https:// alone.
    request = urllib.request.Request(place, data, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=seconds) as response:  # noqa: S310
            parts: list[bytes] = []
            while part := response.read1(1 << 16):  # the time-out of a socket is for each part
                parts.append(part)
                if time.monotonic() > end:
                    raise TimeoutError
            return b"".join(parts)
    except urllib.error.URLError as error:  # so it says that it could not connect
        if isinstance(error.reason, TimeoutError):
            raise TimeoutError from error
        raise
