"""`w2s export --push-to-hub`: what reaches a hub, and what is refused before anything is written."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ray_jobs.cli.main import main
from tests.conftest import w2s
from tests.unit.cli.hub_server import Hub, served
from tests.unit.cli.small_run import small_run, trained_run

TOKEN = "hf_thisMustNeverBeShown"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with served() as hub:
        yield hub


def push(hub: Hub, store: Path, *arguments: str, token: str = TOKEN) -> tuple[int, str]:
    # Without xet, whose server is not public; the client then sends large files as LFS does.
    environment = {"HF_ENDPOINT": hub.url, "HF_TOKEN": token, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(store / "hf")}
    done = w2s("export", "quickstart", "--store", str(store), *arguments, check=False, **environment)
    assert TOKEN not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_data_becomes_a_private_dataset(hub: Hub, tmp_path: Path) -> None:
    small_run(tmp_path / "store")
    place = tmp_path / "to"
    code, shown = push(hub, tmp_path / "store", "pairs", "--to", str(place), "--push-to-hub", "pairs-of-mine")
    assert code == 0, shown
    assert shown.splitlines()[-2:] == [str(place), f"{hub.url}/datasets/me/pairs-of-mine/commit/{'0' * 40}"]
    assert hub.created == [
        {"name": "pairs-of-mine", "organization": None, "visibility": "private", "type": "dataset"}
    ] and hub.tokens == {f"Bearer {TOKEN}"}
    assert hub.files == {"datasets/me/pairs-of-mine": contents(place)}
    assert hub.messages == ["pairs of quickstart, exported by w2s"]


@pytest.mark.slow
def test_a_merged_model_becomes_a_model(hub: Hub, tmp_path: Path) -> None:
    trained_run(tmp_path / "store", tmp_path / "adapter")
    place = tmp_path / "to"
    code, shown = push(hub, tmp_path / "store", "dpo", "--merge", "--to", str(place), "--push-to-hub", "owner/dpo")
    assert code == 0, shown
    assert len(shown.splitlines()) == 2, "the folder and the commit, and no library's bars or warnings"
    assert hub.created == [{"name": "dpo", "organization": "owner", "visibility": "private", "type": "model"}]
    assert hub.files == {"models/owner/dpo": contents(place)} and len(hub.objects) == 1
    assert not any(str(tmp_path).encode() in data for data in contents(place).values()), "names a folder of ours"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pairs", "--push-to-hub", "a/b/c"], "--push-to-hub a/b/c: must be OWNER/NAME"),
        (
            ["dpo", "--push-to-hub", "o/n"],
            "the base of dpo is on no hub, so nobody could load the adapter: add --merge",
        ),
        (["pairs", "--push-to-hub", "o/n", "--merge"], "pairs has no adapter"),
        (["orpo", "--push-to-hub", "o/n"], "orpo is not finished"),
        (["pairs", "--push-to-hub", "o/n"], "no token of the hub: `hf auth login`"),
    ],
)
def test_what_is_refused_before_anything_is_sent(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    store = small_run(tmp_path / "store", without=("orpo",))
    to = ["--to", str(tmp_path / "to")]
    assert main(["export", "quickstart", "--store", store.objects.url, *to, *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and not (tmp_path / "to").exists()


@pytest.mark.slow
def test_what_the_hub_refuses(hub: Hub, tmp_path: Path) -> None:
    small_run(tmp_path / "store")
    place = ["pairs", "--to", str(tmp_path / "to"), "--push-to-hub", "other/x"]
    hub.refuses = 403
    code, shown = push(hub, tmp_path / "store", *place)
    assert code == 2 and "the hub refuses it" in shown and "403" in shown and "\x1b" not in shown
    hub.url = "http://127.0.0.1:9"
    code, shown = push(hub, tmp_path / "store", *place)
    assert code == 2 and "http://127.0.0.1:9 cannot be reached" in shown and shown.count("\n") == 1
    assert not (tmp_path / "to").exists()
