"""Exported data through LLaMA-Factory's own loader. Skipped where it is not installed: it pins other libraries.

pip install --no-deps --target /tmp/llama-factory llamafactory==0.9.5
PYTHONPATH=/tmp/llama-factory python -m pytest -n 0 tests/unit/cli/test_llama_factory.py
"""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ray_jobs.cli.main import main
from tests.unit.cli.small_run import small_run


@pytest.mark.slow
def test_llama_factory_reads_every_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llamafactory", reason="LLaMA-Factory is not installed")
    import peft  # noqa: F401  # before torchaudio seems to be there
    from datasets import load_dataset

    monkeypatch.setitem(sys.modules, "torchaudio", ModuleType("torchaudio"))  # for sounds, which we have none of
    from llamafactory.data.converter import get_dataset_converter  # pyright: ignore[reportMissingImports]
    from llamafactory.data.parser import get_dataset_list  # pyright: ignore[reportMissingImports]

    store = small_run(tmp_path / "store")
    for step, tables in (("consistent_1", ["weak", "icl", "hybrid"]), ("pairs", ["pairs"])):
        place = tmp_path / step
        assert main(["export", "quickstart", step, "--store", store.objects.url, "--to", str(place)]) == 0
        folder = place / "llama-factory"
        for table, found in zip(tables, get_dataset_list(tables, str(folder)), strict=True):
            files = str(folder / found.dataset_name)
            rows: Any = load_dataset("json", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
            convert = get_dataset_converter(found.formatting, found, SimpleNamespace(image_dir="", media_dir=""))
            row = convert(rows[0])
            assert found.ranking is (table == "pairs")
            assert row["_prompt"] == [{"role": "user", "content": rows[0]["instruction"]}]
            sides = ["chosen", "rejected"] if table == "pairs" else ["completion"]
            assert [turn["content"] for turn in row["_response"]] == [rows[0][side] for side in sides]
