"""Which revision a name gets, where it is recorded, and what is refused."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fsspec
import huggingface_hub
import pytest

from w2s.data.location import is_hub_name, locate
from w2s.experiments.catalog import load
from w2s.experiments.overrides import set_fields
from w2s.graph.build import build_steps
from w2s.recipe import DatasetProblems, Experiment, Model, Source
from w2s.store.revisions import identify
from w2s.store.store import Store

MODEL_FILES = {"config.json": "{}", "tokenizer.json": "{}", "model.safetensors": "weights"}
HUB = ["strong.name=some/strong", "strong.revision=none", "weak.name=some/weak", "weak.revision=none"]


def model_folder(folder: Path, **changes: str | None) -> Path:
    """A folder that passes for a model; a change of None leaves the file out."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (MODEL_FILES | {key.replace("__", "."): value for key, value in changes.items()}).items():
        if text is not None:
            (folder / name).write_text(text)
    return folder


def with_strong(name: str | Path, revision: str | None = None) -> Experiment:
    return load("gsm8k-gemma-2b").model_copy(update={"strong": Model(name=str(name), revision=revision)})


def with_train_1(name: str | Path) -> Experiment:
    experiment = load("gsm8k-gemma-2b")
    assert isinstance(experiment.problems, DatasetProblems)
    source = Source(name=str(name), question="q", solution="s")
    return experiment.model_copy(update={"problems": experiment.problems.model_copy(update={"train_1": source})})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.at(str(tmp_path / "store"))


class FakeHub:
    """HfApi with commits by name; counts look-ups."""

    commits: dict[str, str]
    looked_up: list[str]

    def model_info(self, name: str, timeout: float) -> Any:
        self.looked_up.append(name)
        if name not in self.commits:
            raise OSError(f"404 for {name}\nmore lines")
        files = (
            MODEL_FILES if "broken" not in name else {"config.json": "", "tokenizer.json": "", "pytorch_model.bin": ""}
        )
        return SimpleNamespace(sha=self.commits[name], siblings=[SimpleNamespace(rfilename=file) for file in files])

    dataset_info = model_info


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> type[FakeHub]:
    FakeHub.commits = {"some/strong": "c0ffee", "some/weak": "beef", "some/data": "da7a", "some/broken": "0"}
    FakeHub.looked_up = []
    monkeypatch.setattr(huggingface_hub, "HfApi", FakeHub)
    return FakeHub


@pytest.mark.parametrize(
    ("name", "hub"),
    [
        ("google/gemma-2b", True),
        ("gpt2", True),
        ("a/b/c", False),
        ("./gpt2", False),
        ("~/gpt2", False),
        ("/gpt2", False),
        ("../gpt2", False),
        ("s3://bucket/gpt2", False),
        ("package:w2s/data/bases/strong", False),
        ("data/train.jsonl", False),
        ("train.parquet", False),
        ("data/*", False),
        ("x" * 5000, False),
        ("tests/unit", False),
        ("", False),
    ],
)
def test_hub_names(name: str, hub: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[3])
    assert is_hub_name(name) is hub


def test_locate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert locate("google/gemma-2b") is None
    assert locate("s3://bucket/folder") is None
    assert locate(str(tmp_path)) == tmp_path
    assert locate(f"file://{tmp_path}") == tmp_path
    assert locate("~/model") == tmp_path / "model"
    found = locate("package:w2s/experiments")
    assert found is not None and (found / "gsm8k.py").is_file()
    with pytest.raises(ValueError, match="no Python package 'not_there' here"):
        locate("package:not_there/folder")


def test_pinned_experiments_need_neither_network_nor_record(store: Store, hub: type[FakeHub]) -> None:
    for name in ("gsm8k-gemma-2b", "math-mistral-7b", "olympicarena-llama3-8b"):
        experiment = load(name)
        assert identify(experiment, store, network=False) == experiment
        assert identify(experiment, store, network=True) == experiment
        assert build_steps(experiment)[-1].open_revisions == ()
    assert hub.looked_up == []


def test_hub_names_are_looked_up_once_per_store(store: Store, hub: type[FakeHub]) -> None:
    experiment = set_fields(
        load("gsm8k-gemma-2b"), [*HUB, "problems.test.name=some/data", "problems.test.revision=none"]
    )
    assert identify(experiment, store, network=False) == experiment
    known = identify(experiment, store, network=True)
    assert isinstance(known.problems, DatasetProblems)
    assert (known.strong.revision, known.weak.revision, known.problems.test.revision) == ("c0ffee", "beef", "da7a")
    assert sorted(hub.looked_up) == ["some/data", "some/strong", "some/weak"]
    hub.commits = dict.fromkeys(hub.commits, "moved on")
    assert identify(experiment, store, network=True) == identify(experiment, store, network=False) == known
    records = [json.loads(path.read_text()) for path in Path(store.objects.path("revisions")).iterdir()]
    assert {(record["name"], record["revision"]) for record in records} >= {
        ("some/strong", "c0ffee"),
        ("some/data", "da7a"),
    }
    assert len(hub.looked_up) == 3


def test_model_and_dataset_of_one_name_are_two(store: Store, hub: type[FakeHub]) -> None:
    hub.commits = {"some/strong": "1"}
    experiment = set_fields(load("gsm8k-gemma-2b"), HUB[:2])
    identify(experiment, store, network=True)
    hub.commits = {"some/strong": "2"}
    known = identify(
        set_fields(experiment, ["problems.test.name=some/strong", "problems.test.revision=none"]), store, network=True
    )
    assert isinstance(known.problems, DatasetProblems)
    assert (known.strong.revision, known.problems.test.revision) == ("1", "2")


def test_folders_are_named_by_their_files_wherever_they_lie(tmp_path: Path, store: Store) -> None:
    first = identify(with_strong(model_folder(tmp_path / "a")), store, network=False)
    assert first.strong.revision is not None and first.strong.revision.startswith("sha256:")
    (tmp_path / "a" / ".cache").mkdir()
    (tmp_path / "a" / ".cache" / "x").write_text("x")
    (tmp_path / "a" / "__pycache__").mkdir()
    (tmp_path / "a" / "__pycache__" / "x.pyc").write_text("x")
    (tmp_path / "a").rename(tmp_path / "moved")
    moved = identify(with_strong(tmp_path / "moved"), store, network=False)
    assert moved.strong.revision == first.strong.revision
    assert [one.fingerprint for one in build_steps(moved)] == [one.fingerprint for one in build_steps(first)]
    assert identify(first, store, network=False) == first  # its folder is gone, its name is not
    model_folder(tmp_path / "moved", model__safetensors="other weights")
    assert identify(with_strong(tmp_path / "moved"), store, network=False).strong.revision != first.strong.revision
    assert not Path(store.objects.path("revisions")).exists()


def test_a_moved_file_is_another(tmp_path: Path, store: Store) -> None:
    """Same bytes under another name in the folder: another model."""
    one = identify(with_strong(model_folder(tmp_path / "a", x__json="1")), store, network=False)
    two = identify(with_strong(model_folder(tmp_path / "b", y__json="1")), store, network=False)
    assert one.strong.revision != two.strong.revision


def test_package_folder(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    model_folder(tmp_path / "w2s_test_package" / "bases" / "strong")
    (tmp_path / "w2s_test_package" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    packaged = identify(with_strong("package:w2s_test_package/bases/strong"), store, network=False)
    assert (
        packaged.strong.revision
        == identify(with_strong(tmp_path / "w2s_test_package/bases/strong"), store, network=False).strong.revision
    )


def test_data_files(tmp_path: Path, store: Store) -> None:
    def revision(name: str | Path) -> str:
        problems = identify(with_train_1(name), store, network=False).problems
        assert isinstance(problems, DatasetProblems) and problems.train_1.revision is not None
        return problems.train_1.revision

    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for name in ("1.jsonl", "2.jsonl"):
            (tmp_path / folder / name).write_text(name)
    assert (
        revision(tmp_path / "a/1.jsonl") == revision(tmp_path / "b/1.jsonl") == revision(f"file://{tmp_path}/a/1.jsonl")
    )
    assert revision(tmp_path / "a/*.jsonl") == revision(tmp_path / "b/*.jsonl") != revision(tmp_path / "a/1*.jsonl")
    (tmp_path / "b/2.jsonl").write_text("edited")
    assert revision(tmp_path / "a/*.jsonl") != revision(tmp_path / "b/*.jsonl")


def test_urls_are_hashed_with_network_and_remembered_without(store: Store) -> None:
    memory = fsspec.filesystem("memory")
    for name, text in MODEL_FILES.items():
        memory.pipe_file(f"/models/strong/{name}", text.encode())
    experiment = with_strong("memory://models/strong")
    assert identify(experiment, store, network=False).strong.revision is None
    first = identify(experiment, store, network=True).strong.revision
    assert first is not None and first.startswith("sha256:")
    memory.pipe_file("/models/strong/model.safetensors", b"weight2")
    assert identify(experiment, store, network=False).strong.revision == first
    second = identify(experiment, store, network=True).strong.revision
    assert second != first
    assert identify(experiment, store, network=False).strong.revision == second


def test_checksums_of_the_file_system_stand_for_content(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/etags/a.jsonl", b"{}")

    def info(path: str, **_: Any) -> dict[str, Any]:
        return {"name": path, "size": 2, "type": "file", "ETag": "one"}

    monkeypatch.setattr(memory, "info", info)
    monkeypatch.setattr(memory, "cat_file", None)
    problems = identify(with_train_1("memory://etags/a.jsonl"), store, network=True).problems
    assert isinstance(problems, DatasetProblems) and str(problems.train_1.revision).startswith("sha256:")


BAD_MODELS = [
    ({"config__json": None}, r"strong.name='.*': no config.json in it: give the folder"),
    (
        {"tokenizer__json": None},
        r"no tokenizer in it \(one of tokenizer.json, tokenizer.model, tokenizer_config.json, vocab.json\)",
    ),
    ({"model__safetensors": None}, r"strong.name='.*': no \*.safetensors in it"),
    (
        {"model__safetensors": None, "pytorch_model__bin": "x"},
        r"no \*.safetensors in it.*pickled ones \(.bin, .pt\) are refused",
    ),
    ({"adapter_config__json": "{}"}, r"strong.name='.*': adapter_config.json lies beside the whole model"),
    ({"adapter_config__json": "{}", "config__json": None}, r"it is an adapter and not a whole model: merge it"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_MODELS)
def test_unusable_model_folders(tmp_path: Path, store: Store, changes: dict[str, str | None], message: str) -> None:
    folder = model_folder(tmp_path / "m", **changes)
    memory = fsspec.filesystem("memory")
    for path in folder.iterdir():
        memory.pipe_file(f"{folder}/{path.name}", path.read_bytes())
    for name in (str(folder), f"memory:/{folder}"):
        with pytest.raises(ValueError, match=message):
            identify(with_strong(name), store, network=True)


def test_missing_things(tmp_path: Path, store: Store, hub: type[FakeHub]) -> None:
    (tmp_path / "file").write_text("")
    bad = {
        str(
            tmp_path / "nowhere"
        ): r"there is no folder .*nowhere: a model is a folder in Hugging Face form, an fsspec URL of one, or a hub",
        str(tmp_path / "file"): r"is a file: a model is a folder",
        "package:not_there/x": r"no Python package 'not_there'",
        "memory://nowhere": r"there is nothing at this URL",
        "nowhere://x": r"cannot be listed \(ValueError: .*nowhere.*check the URL, its credentials and that the package",
        "some/unknown": r"not found on the Hugging Face hub.*OSError: 404 for some/unknown\): "
        r"check.*HF_TOKEN for a gated model, or give a folder",
        "some/broken": r"no \*.safetensors in it",
    }
    for name, message in bad.items():
        with pytest.raises(ValueError, match=rf"strong.name='{name}': {message}"):
            identify(with_strong(name), store, network=True)
    with pytest.raises(
        ValueError, match=r"problems.train_1.name='some/unknown': not found on the Hugging Face hub.*gated dataset"
    ):
        identify(with_train_1("some/unknown"), store, network=True)
    with pytest.raises(ValueError, match=r"problems.train_1.name='.*a.jsonl': there is no such file"):
        identify(with_train_1(tmp_path / "a.jsonl"), store, network=False)


@pytest.mark.parametrize(
    ("name", "revision", "message"),
    [
        ("some/strong", "sha256:00", "which is of the hub and has commits"),
        ("FOLDER", "c0ffee", "which is not of the hub and has no commits"),
        ("FOLDER", "sha256:00", "whose files hash to sha256:"),
        ("memory://models/x", "c0ffee", "which is not of the hub and has no commits"),
    ],
)
def test_revision_left_over_from_another_name(
    tmp_path: Path, store: Store, name: str, revision: str, message: str
) -> None:
    name = name.replace("FOLDER", str(model_folder(tmp_path / "m")))
    with pytest.raises(
        ValueError, match=rf"strong.revision='{revision}' does not fit '{name}', {message}.*--set strong.revision=none"
    ):
        identify(with_strong(name, revision), store, network=False)


def test_damaged_record(store: Store, hub: type[FakeHub]) -> None:
    experiment = set_fields(load("gsm8k-gemma-2b"), HUB)
    identify(experiment, store, network=True)
    for path in Path(store.objects.path("revisions")).iterdir():
        path.write_text("{")
    with pytest.raises(ValueError, match=r"its record .*revisions/.* cannot be read: delete that file"):
        identify(experiment, store, network=False)
