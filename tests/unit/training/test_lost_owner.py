"""Ray's error about an object that it does not know, in place of a start of Ray Train's controller."""

from types import SimpleNamespace
from typing import Any

import pytest

from ray_jobs.resources.presets import load_resources
from ray_jobs.training.group.groups import run_workers

pytestmark = pytest.mark.slow  # ray.train
LOST = "An application is trying to access a Ray object whose owner is unknown(00ffff0100000012e1f505)."


@pytest.mark.parametrize(
    ("errors", "starts", "raised"),
    [
        ([], 1, None),
        ([ValueError(LOST)], 2, None),
        ([ValueError(LOST), ValueError(LOST)], 2, LOST),
        ([ValueError("another mistake")], 1, "another mistake"),
        ([RuntimeError(LOST)], 1, LOST),
    ],
)
def test_the_controller_is_asked_once_more(
    errors: list[Exception], starts: int, raised: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.train import torch

    asked = list[object]()

    class Trainer:
        """In place of TorchTrainer, which its subclass calls."""

        def __init__(self, *_: Any, **__: Any) -> None: ...

        def fit(self) -> SimpleNamespace:
            asked.append(self)
            if len(asked) <= len(errors):
                raise errors[len(asked) - 1]
            return SimpleNamespace(error=None)

    monkeypatch.setattr(torch, "TorchTrainer", Trainer)
    if raised is None:
        run_workers(None, load_resources("local"), "one")
    else:
        with pytest.raises(type(errors[-1]), match=raised.partition("(")[0]):
            run_workers(None, load_resources("local"), "one")
    assert len(asked) == starts
