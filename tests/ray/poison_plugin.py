"""A vLLM plugin for tests: the engine's process ends when a prompt whose token ids `W2S_POISON`, a JSON list of them, holds is in a batch."""

import json
import os
from pathlib import Path
from typing import Any


def install(folder: Path) -> dict[str, str]:
    """Make the plugin known as an installed package would; returns the environment a run needs."""
    info = folder / "w2s_poison-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: w2s-poison\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[vllm.general_plugins]\nw2s_poison = tests.ray.poison_plugin:register\n")
    return {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), str(folder)]), "VLLM_PLUGINS": "w2s_poison"}


def register() -> None:
    """What vLLM calls in its own processes."""
    from vllm.v1.core.sched.scheduler import Scheduler

    marked, schedule = json.loads(os.environ["W2S_POISON"]), Scheduler.schedule

    def checked(self: Any, *arguments: Any, **named: Any) -> Any:
        batch = schedule(self, *arguments, **named)
        if any(list(new.prompt_token_ids) in marked for new in batch.scheduled_new_reqs):
            os._exit(1)
        return batch

    Scheduler.schedule = checked
