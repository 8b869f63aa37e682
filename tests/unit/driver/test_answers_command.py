"""`w2s answers`: a pair, a file of pairs, and mistakes in one line."""

import json
from pathlib import Path

import pytest

from ray_jobs.cli.answers import Pair, judge
from ray_jobs.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["answers", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize(
    ("arguments", "verdict", "forms"),
    [
        (("\\frac12", "0.5"), "equal: the same canonical form", ("1/2", "1/2")),
        (("sin(x)/cos(x)", "tan x"), "equal: the same value", ("(cos(x))^(-1)*sin(x)", "tan(x)")),
        (("10 cm", "0.1 m", "--kind", "NV"), "equal: the same canonical form", ("1/10 m", "1/10 m")),
        (("10 cm", "10 m", "--kind", "NV"), "different: units", ("1/10 m", "10 m")),
        (("3:30", "15:30"), "undecided: times of day", ("3:30", "15:30")),
        (("red apples", "green apples"), "undecided: words", ("red apples", "green apples")),
        (("(1, 2)", "(1, 3)"), "different: values in (), part by part", ("(1, 2)", "(1, 3)")),
        (("x=1, y=2", "1"), "different: value and list", ("x = 1, y = 2", "1")),
        (("--kind", "EX", "--", "-x", "x"), "different", ("-x", "x")),
        (("-5", "5"), "different", ("-5", "5")),
        (("15 apples", "15 fruits"), "undecided", ("15 apples", "15 fruits")),
        (("a, c", "AC", "--kind", "MC"), "equal", ("AC", "AC")),
    ],
)
def test_a_pair(capsys, arguments, verdict, forms):
    code, out, _ = run(capsys, *arguments)
    first, *lines = out.splitlines()
    assert code == 0 and first.startswith(verdict) and first.endswith(" ms)")
    assert [line.partition("  ->  ")[2] for line in lines] == list(forms)


def test_a_file_of_pairs(capsys, tmp_path: Path):
    rows = [
        {"a": "0.50", "b": "1/2"},
        {"a": "10 cm", "b": "10 m"},
        {"a": "15 apples", "b": "15 fruits", "kind": ""},
        {"a": "50%", "b": "0.5", "kind": "NV"},
        {"a": "\x1b[31mred\n", "b": "blue"},
    ]
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    code, out, _ = run(capsys, "--file", str(path))
    *lines, summary = out.splitlines()
    assert code == 0 and [line.split()[0] for line in lines[:4]] == ["equal", "different", "undecided", "equal"]
    assert "(the same canonical form)" in lines[0] and "\\x1b[31mred\\n" in lines[4] and "\x1b" not in out
    assert summary.startswith("5 pairs: ")


@pytest.mark.parametrize(
    ("line", "arguments", "said"),
    [
        ('{"a": "1"}', (), ":1 must be an object such as"),
        ('{"a": 1, "b": "1"}', (), ":1 must be an object such as"),
        ("[1]", (), ":1 must be an object such as"),
        ("{", (), ":1 is no JSON"),
        ("[" * 100_000, (), ":1 is no JSON"),
        ('{"a": "1", "b": "1", "kind": "XX"}', (), "unknown answer kind 'XX'"),
        ("", ("1", "2"), "not both"),
    ],
)
def test_a_mistake_in_a_file_is_one_line(capsys, tmp_path, line, arguments, said):
    path = tmp_path / "pairs.jsonl"
    path.write_text(line)
    code, _, err = run(capsys, *arguments, "--file", str(path))
    assert code == 2 and said in err and len(err.splitlines()) == 1


def test_other_mistakes_are_one_line(capsys, tmp_path):
    assert run(capsys, "5")[0] == 2
    code, _, err = run(capsys, "--file", str(tmp_path / "none.jsonl"))
    assert code == 2 and "cannot be read" in err


def test_the_verdict_is_that_of_compare_in_both_orders():
    assert judge(Pair("1/2", "0.5", "")).verdict == judge(Pair("0.5", "1/2", "")).verdict == "equal"
    assert judge(Pair("1/2", "0.5", "")).seconds > 0
