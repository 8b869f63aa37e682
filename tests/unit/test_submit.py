"""What a submitted job is named and given."""

import pytest

from ray_jobs.submit import PASSED, passed_on, run_name


def test_a_run_is_named_by_all_that_is_asked_for() -> None:
    one = run_name(["quickstart", "--store", "s3://b/r"], "quickstart")
    assert one == run_name(["quickstart", "--store", "s3://b/r"], "quickstart")
    assert one.startswith("quickstart-") and one != run_name(["quickstart", "--store", "s3://b/r", "--set", "iterations=2"], "quickstart")
    assert run_name(["x"], "my run: 2/3").startswith("my-run-2-3-")


def test_only_named_variables_are_passed_on() -> None:
    here = dict.fromkeys(PASSED, "x") | {"MINE": "1", "OTHER": "2", "AWS_SECRET_ACCESS_KEY": "s"}
    assert passed_on(here, ["MINE"]) == dict.fromkeys(PASSED, "x") | {"MINE": "1"}
    assert passed_on({}, []) == {}


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "HF_TOKEN", "My_Password", "GOOGLE_CREDENTIALS"])
def test_a_secret_is_not_passed_on(name: str) -> None:
    with pytest.raises(ValueError, match="can be read by everybody"):
        passed_on({name: "x"}, [name])


def test_a_variable_that_is_not_set_is_said() -> None:
    with pytest.raises(ValueError, match="no such variable"):
        passed_on({}, ["MINE"])
