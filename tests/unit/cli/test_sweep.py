"""`w2s sweep`: variations of an experiment in one store, and the table that compares them."""

import random
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ray_jobs.cli.main import main
from ray_jobs.cli.running.sweep import Line, read_variations
from tests.unit.cli.small_run import small_run
from w2s.experiments.quickstart import quickstart
from w2s.report.compare import Run
from w2s.report.metrics import difference, pooled_difference
from w2s.report.sweep import BESIDE, Variation, rows

SVG = "{http://www.w3.org/2000/svg}"
QUESTIONS = {f"p{number}": f"{number}?" for number in range(10)}


def run(questions: dict[str, str] = QUESTIONS, **right: int) -> Run:
    """A run in which each model has as many of the first problems right."""
    credits = {
        model: {problem: float(number < count) for number, problem in enumerate(questions)}
        for model, count in right.items()
    }
    return Run("", {}, questions, credits)


def variation(name: str, *runs: Run) -> Variation:
    return Variation(name, runs, {model: {"completions": 10.0, "steps": 2.0} for model in ("dpo", "orpo")})


def test_rows_are_against_the_best_model_of_the_baseline() -> None:
    paper = variation(
        "paper", run(weak_floor=2, dpo=6, orpo=5, ceiling=10), run(weak_floor=2, dpo=4, orpo=6, ceiling=10)
    )
    ours = variation("ours", run(weak_floor=2, dpo=9, orpo=5, ceiling=10), run(weak_floor=2, dpo=8, orpo=6, ceiling=10))
    found = {(row.variation, row.model): row for row in rows([ours, paper], "paper")}
    assert found["paper", "orpo"].against is None, "0.55 is the best of the baseline"
    dpo = found["ours", "dpo"]
    assert (dpo.accuracy, dpo.lowest, dpo.highest) == (pytest.approx(0.85), 0.8, 0.9)
    assert dpo.pgr == pytest.approx((0.85 - 0.2) / 0.8)
    assert dpo.against is not None and dpo.against.value == pytest.approx(0.3) and dpo.against.denominator == 20
    floor = found["paper", "weak_floor"]
    assert floor.pgr == 0 and floor.against is not None and floor.against.value == pytest.approx(-0.35)
    assert ("ours", "weak_floor") not in found and not floor.cost
    worse = found["paper", "dpo"].against
    assert worse is not None and worse.value == pytest.approx(-0.05)


def test_other_questions_are_not_paired_and_no_gap_has_no_pgr() -> None:
    others = {problem: f"another {question}" for problem, question in QUESTIONS.items()}
    paper, ours = variation("paper", run(dpo=6, orpo=5)), variation("ours", run(others, dpo=9, orpo=5))
    assert {row.against for row in rows([paper, ours], "paper") if row.variation == "ours"} == {None}
    assert {row.pgr for row in rows([paper, ours], "paper")} == {None}
    flat = variation("flat", run(weak_floor=5, dpo=6, orpo=5, ceiling=5))
    assert {row.pgr for row in rows([flat], "flat")} == {None}


def test_a_pooled_difference_is_over_seeds_and_problems() -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)

    def credit(share: float) -> dict[str, float]:
        return {f"p{number}": float(rng.random() < share) for number in range(200)}

    (result, baseline) = credit(0.6), credit(0.5)
    alone, one = difference(result, baseline), pooled_difference([(result, baseline)])
    assert (one.value, one.denominator) == (alone.value, 200)
    assert abs(one.low - alone.low) < 0.02 and abs(one.high - alone.high) < 0.02
    # Seeds that disagree widen the interval beyond that of their problems together.
    up, down = ({f"p{n}": 1.0 for n in range(200)}, baseline), ({f"p{n}": 0.0 for n in range(200)}, baseline)
    apart = pooled_difference([up, down])
    assert apart.low < -0.3 and apart.high > 0.3 and apart.denominator == 400
    # A pool of equal runs is as narrow as more problems make it.
    assert pooled_difference([(result, baseline)] * 4).high - alone.value < alone.high - alone.value


def test_lines_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "variations.txt"
    file.write_text("# all of them\npaper\nown  stage_one=icl dpo.beta=0.3  # no filter\n\n")
    assert read_variations(str(file)) == [Line("paper", ()), Line("own", ("stage_one=icl", "dpo.beta=0.3"))]


@pytest.mark.slow
def test_a_finished_sweep_prints_its_table_and_starts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_run(tmp_path / "store")
    small_run(tmp_path / "store", sft=quickstart().sft.model_copy(update={"seed": 7}))
    file = tmp_path / "variations.txt"
    file.write_text("first\nsecond sft.seed=7\n")
    svg = tmp_path / "picture.svg"
    arguments = ["--store", str(tmp_path / "store"), "--variations", str(file), "--picture", str(svg)]
    assert main(["sweep", "quickstart", *arguments]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    shown = {(words[0], words[1]): words for words in lines if words and words[0] in ("first", "second")}
    trained = {(name, model) for name in ("first", "second") for model in ("hybrid_ft_1", "dpo", "orpo")}
    assert set(shown) == trained | {("first", model) for model in BESIDE}
    assert sum("best" in words for words in shown.values()) == 1
    texts = {"".join(text.itertext()).strip() for text in ElementTree.parse(svg).getroot().iter(f"{SVG}text")}
    assert {"first: dpo", "second: orpo", "full_icl_ft", "weak_floor", "ceiling"} <= texts, texts


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        (None, [], "cannot be read"),
        ("# nothing\n", [], "has no variation"),
        ("stage_one=icl\n", [], "variations.txt:1: 'stage_one=icl' is no name"),
        ("a\nb sft.epochs=4\na sft.epochs=3\n", [], "variations.txt:3: the name a is given twice"),
        ("a\nb\n", [], "variations a and b are the same experiment: give one of them another FIELD=VALUE"),
        ("paper recipe=paper\nbeta dpo.beta=0.3\nnone dpo.beta=0.1\n", [], "variations paper and none are the same"),
        ("from w2s.recipe import SFT\n", [], "variation from: --set w2s.recipe: must be FIELD=VALUE"),
        ("{\n}\n", [], "variations.txt:1: '{' is no name of letters, digits"),
        ("a dpo.beta\n", [], "variation a: --set dpo.beta: must be FIELD=VALUE"),
        ("a\nb sft.epoch=3\n", [], "variation b: --set sft.epoch=3: "),
        ("a\nb recipe=papr\n", [], "did you mean paper?"),
        ("paper\n", ["--baseline", "papr"], "--baseline papr: no such variation (did you mean paper?)"),
        ("a\n", ["--picture", "/no/such/a.svg"], "--picture /no/such/a.svg: its folder does not exist"),
    ],
)
def test_wrong_input(
    text: str | None, more: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "variations.txt"
    if text is not None:
        file.write_text(text)
    assert main(["sweep", "quickstart", "--store", str(tmp_path), "--variations", str(file), *more]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1, error
