"""A model that has passed its checks is not checked again; another one, or another use of it, is."""

from dataclasses import replace
from pathlib import Path

import pytest

from ray_jobs.driver.checks import passed
from ray_jobs.driver.checks.model import Limit, Use, folder_of
from ray_jobs.driver.checks.passed import check_unless_passed
from w2s.recipe import Model, Prompt

TARGETS = frozenset({("sft.lora.targets", ("q_proj", "v_proj")), ("weak_sft.lora.targets", ("o_proj",))})
USE = Use(True, TARGETS, True, True, Limit(32, "greedy.max_tokens"), Limit(64, "dpo.max_tokens"), demonstrations=0)
MODEL = Model(name="owner/model", revision="1" * 40)


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """The checks that are made; a model named `wrong` is refused."""
    made: list[tuple[object, ...]] = []

    def check(role: str, *rest: object) -> None:
        made.append(rest)
        if MODEL.model_copy(update={"name": "wrong"}) == rest[0]:
            raise ValueError(f"{role} model wrong")

    monkeypatch.setattr(passed, "check_model", check)
    monkeypatch.setattr(passed, "folder_of", lambda *_: tmp_path)
    monkeypatch.setenv("W2S_CACHE", str(tmp_path / "cache"))
    return made


def test_once_for_the_same_files_and_use(checked: list[tuple[object, ...]]) -> None:
    for role in ("weak", "strong"):
        check_unless_passed(role, MODEL, replace(USE, targets=frozenset(sorted(TARGETS))), 0)
    assert len(checked) == 1


@pytest.mark.parametrize(
    ("model", "use", "gpus"),
    [
        ({"revision": "2" * 40}, {}, 0),
        ({"prompt": Prompt(style="chat")}, {}, 0),
        ({}, {"row": Limit(65, "dpo.max_tokens")}, 0),
        ({}, {"targets": frozenset[object]()}, 0),
        ({}, {"sampled": False}, 0),
        ({}, {}, 1),
    ],
)
def test_again_where_a_thing_differs(
    model: dict[str, object], use: dict[str, object], gpus: int, checked: list[tuple[object, ...]]
) -> None:
    check_unless_passed("strong", MODEL, USE, 0)
    check_unless_passed("strong", MODEL.model_copy(update=model), replace(USE, **use), gpus)  # type: ignore[arg-type]
    assert len(checked) == 2


@pytest.mark.parametrize("changed", ["versions", "code_hash"])
def test_again_with_other_libraries_or_checks(
    changed: str, checked: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(passed.code_hash(passed.checks, passed.models)) == 64
    check_unless_passed("strong", MODEL, USE, 0)
    monkeypatch.setattr(passed, changed, lambda *_: "others")
    check_unless_passed("strong", MODEL, USE, 0)
    assert len(checked) == 2


def test_a_refusal_is_not_remembered(checked: list[tuple[object, ...]]) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="strong model wrong"):
            check_unless_passed("strong", MODEL.model_copy(update={"name": "wrong"}), USE, 0)
    assert len(checked) == 2


def test_files_that_are_gone_are_said_before_anything_starts(
    tmp_path: Path, checked: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passed, "folder_of", folder_of)
    model = MODEL.model_copy(update={"name": str(tmp_path / "model")})
    (tmp_path / "model").mkdir()
    for _ in range(2):
        check_unless_passed("strong", model, USE, 0)
    (tmp_path / "model").rmdir()
    with pytest.raises(ValueError, match="there is no folder"):
        check_unless_passed("strong", model, USE, 0)
    assert len(checked) == 1
