"""What the report says beside the scores: waiting, gaps, device hours, thinned curves, chosen examples, real tables."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ray_jobs.resources.presets import load_resources
from ray_jobs.selection.report import report_document
from tests.unit.cli import small_run
from tests.unit.cli.small_run import IDS, steps_of
from w2s.experiments.catalog import load
from w2s.experiments.overrides import set_fields
from w2s.graph.build import build_steps
from w2s.graph.step import Step
from w2s.records import Selection
from w2s.report.document.details import EXECUTION, OF_THE_RUN, counts, details
from w2s.report.document.estimates import estimates
from w2s.report.document.examples import pick
from w2s.report.document.losses import POINTS, thinned
from w2s.report.document.provenance import provenance
from w2s.report.document.timeline import devices, timeline
from w2s.report.page import html
from w2s.report.sections import estimates_table
from w2s.report.text import text
from w2s.store.shards import rows_of_problems
from w2s.store.store import Store


@dataclass(frozen=True)
class Manifest:
    """A finished step that began so many seconds after midnight."""

    begin: float
    seconds: float
    counts: dict[str, float] = field(default_factory=dict)
    device_seconds: dict[str, float] = field(default_factory=dict)
    held_seconds: float = 0.0
    estimate: dict[str, float] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    code_commit: str = ""

    @property
    def started(self) -> str:
        return f"2026-01-01T{int(self.begin) // 3600:02d}:{int(self.begin) // 60 % 60:02d}:{int(self.begin) % 60:02d}Z"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return small_run.small_run(tmp_path_factory.mktemp("document"))


@pytest.fixture(scope="module")
def steps(store: Store) -> dict[str, Step]:
    return {step.name: step for step in steps_of(store)}


def test_a_step_waits_from_its_last_input_and_gaps_are_cut(steps: dict[str, Step]) -> None:
    finished = {
        "problems": Manifest(0, 10),
        "weak_sft": Manifest(25, 20),
        "weak_completions": Manifest(3645, 30),  # after an hour in which nothing ran
    }
    made = timeline(list(steps.values()), finished)
    assert (made["began"], made["ended"]) == ("2026-01-01T00:00:00Z", "2026-01-01T01:01:15Z")
    assert made["gaps"] == [{"at": 45.0, "seconds": 3600.0}]
    assert [(row["step"], row["ready"], row["start"], row["end"], row["waited"]) for row in made["steps"]] == [
        ("problems", 0.0, 0.0, 10.0, 0.0),
        ("weak_sft", 10.0, 25.0, 45.0, 15.0),
        ("weak_completions", 45.0, 45.0, 75.0, 0.0),
    ]
    assert timeline(list(steps.values()), {})["steps"] == []


def test_trainings_of_a_group_take_turns(steps: dict[str, Step]) -> None:
    """Both attempts begin at once; the second trains once the first has ended."""
    finished = {
        "problems": Manifest(0, 1),
        "ceiling": Manifest(1, 20, {"world_size": 2.0}, {"GPU": 40.0}),
        "weak_sft": Manifest(1, 50, {"world_size": 2.0}, {"GPU": 60.0}),
    }
    rows = {row["step"]: row for row in timeline(list(steps.values()), finished)["steps"]}
    assert (rows["ceiling"]["start"], rows["weak_sft"]["start"]) == (1.0, 21.0)
    assert rows["weak_sft"]["waited"] == 20.0 and rows["weak_sft"]["took"] == 30.0
    spent = devices(finished, dollars=3.0)
    assert spent["held"] == [{"device": "GPU", "hours": round(100 / 3600, 3)}]
    assert spent["dollars"] == round(3 * 100 / 3600, 2) and devices(finished, None)["dollars"] is None


def ran(estimate: dict[str, float], held: float = 20.0, devices: float = 2.0, **counts: float) -> Manifest:
    return Manifest(0, 30, counts, {"GPU": held * devices}, held, estimate)


EXPECTED = {"sampled_tokens": 1000.0, "seconds": 10.0, "device_seconds": 20.0}
TRAINED = {"trained_tokens": 500.0}


@pytest.mark.parametrize(
    ("finished", "figures", "note"),
    [
        ({}, {}, ""),
        (
            {"sampled": ran(EXPECTED, sampled_tokens=1500, completion_tokens=1500)},
            {
                "tokens": (1, 1000.0, 1500.0, 1.5),
                "seconds": (1, 10.0, 20.0, 2.0),
                "device hours": (1, 0.0056, 0.0111, 2.0),
            },
            "Prompt tokens are not compared",
        ),
        # An earlier attempt sampled a part; its seconds are not recorded.
        (
            {"sampled": ran(EXPECTED, sampled_tokens=500, completion_tokens=1500)},
            {"tokens": (1, 1000.0, 1500.0, 1.5)},
            "only tokens are compared of what was resumed: sampled.",
        ),
        (
            {"sampled": ran(EXPECTED, completion_tokens=1500)},  # all of it
            {"tokens": (1, 1000.0, 1500.0, 1.5)},
            "only tokens are compared of what was resumed: sampled.",
        ),
        (
            {"dpo": ran(TRAINED | {"seconds": 9.0, "device_seconds": 9.0}, tokens=500, resumed_at_step=3)},
            None,
            "resumed: dpo.",
        ),
        # Without GPUs, and without an earlier run.
        ({"dpo": ran(TRAINED, tokens=500)}, None, "no earlier step of the store had used that base: dpo."),
        # By an earlier version.
        ({"dpo": ran({}, tokens=500)}, {}, "No estimate was recorded when these ran: dpo."),
        ({"problems": Manifest(0, 12.5)}, {}, "they took 12.5 s."),
        # Each figure adds up the steps that have both sides of it.
        (
            {
                "sampled": ran(EXPECTED, sampled_tokens=500, completion_tokens=500),
                "test_dpo": ran({"sampled_tokens": 100.0}, sampled_tokens=600, completion_tokens=600),
                "dpo": ran({}, tokens=500),
            },
            {
                "tokens": (2, 1100.0, 1100.0, 1.0),
                "seconds": (1, 10.0, 20.0, 2.0),
                "device hours": (1, 0.0056, 0.0111, 2.0),
            },
            "No estimate was recorded when these ran: dpo.",
        ),
    ],
)
def test_estimates_stand_beside_what_steps_took(
    finished: dict[str, Manifest], figures: dict[str, tuple[float, ...]] | None, note: str, steps: dict[str, Step]
) -> None:
    made = estimates(list(steps.values()), finished)
    last = {of["figure"]: of for of in made["kinds"][-1]["figures"]} if made["kinds"] else {}
    if figures is None:
        assert [*last] == ["tokens"]
    else:
        assert {figure: tuple([*of.values()][1:]) for figure, of in last.items()} == {
            figure: pytest.approx(values, abs=2e-4) for figure, values in figures.items()
        }
    assert note in " ".join(made["notes"]) and bool(made["notes"]) == bool(note)


def in_run(began: float, done_after: float, ended: float, **counts: float) -> Manifest:
    """A step of the run that began so many seconds after midnight, at whose start it was expected to be done."""
    began_at = datetime.fromisoformat("2026-01-01T00:00:00Z").timestamp() + began
    wall = {"run_began": began_at, "done_after": done_after}
    return Manifest(began, ended - began, {"tokens": 1.0} | counts, {"GPU": 1.0}, 1.0, EXPECTED | TRAINED | wall)


@pytest.mark.parametrize(
    ("finished", "expected"),
    [
        # Side by side: the run is as long as its last step.
        ({"weak_sft": in_run(100, 50, 130), "ceiling": in_run(100, 40, 180)}, (2, 50.0, 80.0, 1.6)),
        # Two runs, with an hour between them.
        ({"weak_sft": in_run(0, 20, 30), "dpo": in_run(3600, 40, 3630)}, (2, 60.0, 60.0, 1.0)),
        # The second run resumed a training.
        ({"weak_sft": in_run(0, 20, 30), "dpo": in_run(3600, 40, 3630, resumed_at_step=2.0)}, (1, 20.0, 30.0, 1.5)),
        ({"dpo": in_run(0, 40, 30, resumed_at_step=2.0)}, None),
        ({"dpo": ran(TRAINED, tokens=1)}, None),
    ],
)
def test_wall_seconds_are_those_of_runs(
    finished: dict[str, Manifest], expected: tuple[float, ...] | None, steps: dict[str, Step]
) -> None:
    figures = {of["figure"]: of for of in estimates(list(steps.values()), finished)["kinds"][-1]["figures"]}
    found = figures.get("wall seconds")
    assert expected == (found and (found["steps"], found["estimated"], found["actual"], found["ratio"]))


def test_estimates_are_told_by_kind(steps: dict[str, Step]) -> None:
    finished = {
        "weak_sft": ran(TRAINED, tokens=100),
        "sampled": ran(EXPECTED, sampled_tokens=500, completion_tokens=500),
        "orpo": ran(TRAINED, tokens=100),
    }
    kinds = estimates(list(steps.values()), finished)["kinds"]
    assert [kind["kind"] for kind in kinds] == ["sampling", "SFT", "preference training", "in all"]
    shown = estimates_table({"estimates": {"kinds": kinds}})[1]
    assert shown[:3] == [
        ["sampling, tokens", "1", "1,000", "500", "0.50"],
        ["sampling, seconds", "1", "10.0", "20.0", "2.00"],
        ["sampling, device hours", "1", "0.006", "0.011", "2.00"],
    ]
    epochs = (steps["weak_sft"].recipe.sft.epochs, steps["orpo"].recipe.preference.epochs)  # type: ignore[attr-defined]
    assert [row[3] for row in shown if row[0] == "in all, tokens"] == [f"{500 + 100 * sum(epochs):,.0f}"]


@pytest.mark.parametrize("length", [1, POINTS, POINTS + 1, 10 * POINTS + 7])
def test_long_curves_are_means_of_stretches(length: int) -> None:
    rows = [{"step": number, "loss": float(number)} for number in range(1, length + 1)]
    points = thinned(rows)
    assert len(points) == min(length, POINTS) and points[-1][0] == length
    assert [step for step, _ in points] == sorted({step for step, _ in points})
    if length <= POINTS:
        assert points == [[row["step"], row["loss"]] for row in rows]
    else:
        assert points[0][1] == pytest.approx((1 + points[0][0]) / 2), "the mean of its stretch"


def test_examples_are_chosen_by_hash_and_by_outcome() -> None:
    rows = [Selection(f"p{number:04d}", "kept" if number % 3 else "differ", "", "") for number in range(1000)]
    chosen = pick(rows, lambda row: (row.outcome,))
    assert [row.outcome for row in chosen] == ["differ"] * 3 + ["kept"] * 3
    assert {*pick(rows[::-1], lambda row: (row.outcome,))} == {*chosen}, "whatever the order of the rows"
    assert [row.problem_id for row in chosen] != sorted(row.problem_id for row in chosen)[:6]


def test_rows_of_some_problems(store: Store, steps: dict[str, Step]) -> None:
    from w2s.records import Completion

    found = rows_of_problems(store, steps["sampled"]["completions"], [IDS[0], IDS[2], "none"], Completion)
    assert {problem_id: len(rows) for problem_id, rows in found.items()} == {IDS[0]: 5, IDS[2]: 5}


def test_provenance_names_what_a_reader_needs(store: Store, steps: dict[str, Step]) -> None:
    finished: dict[str, Any] = {name: m for name, m in store.manifests(list(steps.values())).items() if m}
    made = provenance(list(steps.values()), finished)
    assert [model["name"].rpartition("/")[2] for model in made["models"]] == ["weak", "strong"]
    assert [model["role"] for model in made["models"]] == ["weak model", "strong base"]
    assert all(model["revision"].startswith("sha256:") for model in made["models"])
    assert [(row["split"], row["rows"]) for row in made["data"]] == [("train_1", 1), ("train_2", 4), ("test", 2)]
    assert made["settings"]["dpo"]["beta"] == "0.1" and made["settings"]["sampled"]["n"] == "10"
    assert made["seeds"]["weak_sft.seed"] == "42" and made["versions"] == {"python": ["3"]}


def test_settings_are_the_experiments_own_where_several_steps_have_the_same_kind() -> None:
    changes = [
        "committee=2",
        "stage_one=icl_votes",
        'icl_sampled={"n": 5, "temperature": 0.7}',
        'more_samples={"n": 6, "budget": 60}',
    ]
    experiment = set_fields(load("quickstart"), changes)
    settings = provenance(build_steps(experiment), {})["settings"]
    assert settings["weak_sft"]["seed"] == "42", "the first member's, not the last one's"
    assert (settings["sampled"]["n"], settings["sampled"]["seed"]) == ("10", "42"), "not those of the further samples"
    assert (settings["icl_sampled"]["n"], settings["icl_sampled"]["temperature"]) == ("5", "0.7")
    assert (settings["more_samples"]["n"], settings["more_samples"]["budget"]) == ("6", "60")


def test_how_a_step_was_run_is_apart_from_what_it_counted(store: Store, steps: dict[str, Step]) -> None:
    manifest = Manifest(0, 1, {"examples": 3.0, "resumed_at_step": 2.0})

    tables: Any = SimpleNamespace(finished={"weak_sft": manifest})
    assert counts(tables) == {"weak_sft": {"examples": 3.0}}
    made = details([steps["problems"], steps["weak_sft"]], tables)
    assert made["execution"] == {"weak_sft": {"resumed_at_step": 2.0}} and "resumed_at_step" in EXECUTION


@pytest.mark.slow
def test_a_resumed_runs_report_is_an_uninterrupted_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Document, page and text, but for how it was run; tests/chaos/checks.py compares the documents of real runs."""

    def document(folder: str) -> dict[str, Any]:
        store = small_run.small_run(tmp_path / folder, without=("report",))
        return report_document(small_run.steps_of(store)[-1], store, load_resources("one-gpu"))

    straight = document("straight")
    commit, ran = small_run.commit, dict.fromkeys(EXECUTION, 7.0)

    def resumed(store: Store, step: Step, tables: dict[str, Any], counts: dict[str, float] | None = None) -> None:
        commit(store, step, tables, {**(counts or {}), **ran})

    monkeypatch.setattr(small_run, "commit", resumed)
    other = document("resumed")
    assert straight["execution"] != other["execution"], "the second run was another"
    for name in straight:
        assert name in OF_THE_RUN or straight[name] == other[name], name
    other["timeline"] |= {"began": "2027-01-01T00:00:00Z", "ended": "2027-01-02T00:00:00Z"}
    other["devices"] |= {"held": [{"device": "H100", "hours": 24.0}]}
    ours, theirs = parts(html(straight)), parts(html(other))
    assert ours.pop("course") != theirs.pop("course"), "how it went is another"
    assert ours.pop("sources") == theirs.pop("sources").replace("H100", "not recorded")
    assert ours == theirs and {"results", "method", "losses", "examples", "counts", ""} <= set(ours)
    assert text(straight) == text(other)


def parts(page: str) -> dict[str, str]:
    """The sections of a page by their names, without the dates; what is around them under no name."""
    section = re.compile(r'<section id="(\w+)".*?</section>', re.DOTALL)
    page = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "DATE", page)
    return {found[1]: found[0] for found in section.finditer(page)} | {"": section.sub("", page)}
