"""What a submitted job gets: the code, the commit, the token; and what is said where the token is refused."""

from pathlib import Path
from typing import Any

import pytest

from ray_jobs.cluster.token import use_token
from ray_jobs.driver import submit as module
from ray_jobs.driver.package import ROOT, experiment_in_job
from tests.unit.driver.test_submit import Server, run


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return path


def test_a_shipped_experiment_comes_with_the_checkout() -> None:
    name, code = experiment_in_job("quickstart")
    assert (name, code["working_dir"]) == ("quickstart", str(ROOT)) and "py_modules" not in code


def test_a_file_in_the_checkout_is_named_from_its_root(tmp_path: Path) -> None:
    made(tmp_path / "pyproject.toml")
    name, code = experiment_in_job(f"{made(tmp_path / 'a/mine.py')}:f", root=tmp_path)
    assert (name, code["working_dir"]) == ("a/mine.py:f", str(tmp_path)) and "py_modules" not in code


def test_a_file_elsewhere_comes_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "work/mine.py")
    monkeypatch.chdir(tmp_path / "work")
    for text in ("mine.py:f", "../work/mine.py:f", f"{tmp_path}/work/mine.py:f"):
        name, code = experiment_in_job(text)
        assert (name, code["working_dir"]) == ("mine.py:f", str(tmp_path / "work"))
        assert code["py_modules"] == [str(ROOT / "w2s"), str(ROOT / "ray_jobs")]


def test_an_installed_package_sends_no_other_packages(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    assert "working_dir" not in experiment_in_job("quickstart", root=site)[1]
    name, code = experiment_in_job(f"{made(site / 'mine.py')}:f", root=site)
    assert name == "mine.py:f" and code["py_modules"] == [str(site / "w2s"), str(site / "ray_jobs")]


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no file"):
        experiment_in_job(f"{tmp_path}/mine.py:f")


@pytest.mark.parametrize(
    ("given", "mode", "expected"),
    [
        ({}, None, None),
        ({}, 0o600, "token"),
        ({}, 0o400, "token"),
        ({"RAY_AUTH_MODE": "disabled"}, 0o644, "disabled"),
        ({"RAY_AUTH_TOKEN": "f" * 64}, None, "token"),
        ({"RAY_AUTH_TOKEN": "f" * 64}, 0o644, "token"),  # the variable wins, the file is not read
    ],
)
def test_token_mode_is_on_where_there_is_a_token(
    given: dict[str, str], mode: int | None, expected: str | None, tmp_path: Path
) -> None:
    environment = {"HOME": str(tmp_path), **given}
    if mode is not None:
        made(tmp_path / ".ray/auth_token").chmod(mode)
    use_token(environment)
    assert environment.get("RAY_AUTH_MODE") == expected


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o610])
@pytest.mark.parametrize("given", [{}, {"RAY_AUTH_MODE": "token"}])
def test_a_token_that_others_can_read_is_refused(mode: int, given: dict[str, str], tmp_path: Path) -> None:
    made(tmp_path / ".ray/auth_token").chmod(mode)
    with pytest.raises(ValueError, match=rf"has mode {mode:04o}.*chmod 600"):
        use_token({"HOME": str(tmp_path), **given})
    made(path := tmp_path / "elsewhere").chmod(mode)
    with pytest.raises(ValueError, match="elsewhere has mode"):
        use_token({"HOME": "/nowhere", "RAY_AUTH_TOKEN_PATH": str(path), **given})


def refusing(method: str, error: Exception) -> Server:
    server = Server(0)
    server.raises[method] = [error] * 9
    return server


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Authentication required: Unauthorized: Missing authentication token\n\nToken ..."),
        RuntimeError("Authentication failed: Forbidden: Invalid authentication token"),
        RuntimeError("Request failed with status code 401: Unauthorized"),
    ],
)
@pytest.mark.parametrize("method", ["connect", "list_jobs", "submit_job"])
def test_a_refused_token_is_named_at_once(method: str, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    server = refusing(method, error)
    with pytest.raises(ValueError, match="answers, but it refused the token"):
        run(server, monkeypatch)
    assert server.asked[method] == 1


def test_a_job_gets_the_commit_and_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    server, got = Server(0), list[dict[str, Any]]()
    submit_job = server.submit_job

    def keep(**given: Any) -> str:
        got.append(given["runtime_env"])
        return submit_job(**given)

    monkeypatch.setattr(server, "submit_job", keep)
    monkeypatch.setattr(module, "_client", lambda address: server)
    monkeypatch.setattr(module, "code_commit", lambda: "a" * 40)
    assert module.submit(["x"], "x", None, 1, [], {"working_dir": "/w"}) == 0
    assert got[0]["working_dir"] == "/w" and got[0]["env_vars"]["W2S_COMMIT"] == "a" * 40


def test_a_silent_job_is_said_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.05)
    assert run(Server(*["running"] * 12, 0), monkeypatch)[0] == 0
    said = capsys.readouterr().err
    assert 1 <= said.count("goes on; its log has been silent") <= 4, said
