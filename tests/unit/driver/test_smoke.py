"""The tiny run of a preflight: what it changes of an experiment, and the rows that its manifests give."""

from typing import Any

import pytest

from ray_jobs.cli.main import main
from ray_jobs.cli.running import preflight as command
from ray_jobs.cluster.checks import Row
from ray_jobs.cost.shape import Shape
from ray_jobs.driver.preflight import smoke as module
from ray_jobs.driver.preflight.engine import Seen
from ray_jobs.driver.preflight.smoke import PROBLEMS, engines, goals, once_more, smoke, tiny, trained
from ray_jobs.driver.scheduler import StepFailed
from ray_jobs.resources.presets import load_resources
from w2s.experiments.catalog import load, names
from w2s.experiments.overrides import set_fields
from w2s.experiments.quickstart import quickstart
from w2s.graph.build import build_steps
from w2s.graph.recipes import FineTune, Prefer
from w2s.graph.step import Step
from w2s.recipe import DatasetProblems, Experiment, WorldProblems
from w2s.store.manifest import Manifest
from w2s.store.store import Store

LLAMA = Shape(layers=80, hidden=8192, intermediate=28672, heads=64, kv_heads=8, head=128, vocabulary=32000, tied=False)
GIB = 2**30


@pytest.mark.parametrize("name", names())
def test_a_tiny_run_keeps_models_batches_and_token_limits(name: str) -> None:
    given = load(name)
    small = tiny(given)
    assert (small.weak, small.strong, small.answers, small.greedy) == (
        given.weak,
        given.strong,
        given.answers,
        given.greedy,
    )
    for mine, theirs in zip(_optimizers(small), _optimizers(given), strict=True):
        assert (mine.batch_size, mine.max_tokens) == (theirs.batch_size, theirs.max_tokens)
    assert small.sft.lora == given.sft.lora and small.sft.warmup_ratio == 0, "the only step learns at its whole rate"
    assert (small.pairs.min_pairs, small.agreement.min_kept, small.labels.min_kept, small.iterations) == (1, 1, 1, 1)
    assert tiny(small) == small
    chosen = {step.name for step in build_steps(small)}
    assert (set(goals(small)) <= chosen and "dpo" in goals(small)) or small.dpo is None
    if isinstance(small.problems, WorldProblems):
        assert small.problems.train_2 == PROBLEMS
    else:
        assert isinstance(given.problems, DatasetProblems)
        for split in ("train_1", "train_2", "test"):
            rows, before = getattr(small.problems, split).rows, getattr(given.problems, split).rows or (0, 10**9)
            assert before[0] == rows[0] and rows[1] - rows[0] == PROBLEMS


def _optimizers(e: Experiment) -> list[Any]:
    return [each for each in (e.weak_sft, e.sft, e.dpo, e.orpo) if each is not None]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["dpo=none", "orpo=none"], ["sampled"]),
        (["orpo=none"], ["dpo"]),
        (["recipe=w2s"], ["dpo", "orpo"]),
        (["committee=3", "sft.lora=none"], ["dpo", "orpo"]),
    ],
)
def test_goals_of_changed_experiments(changes: list[str], expected: list[str]) -> None:
    small = tiny(set_fields(quickstart(), changes))
    assert goals(small) == expected and set(expected) <= {step.name for step in build_steps(small)}
    whole = "sft.lora=none" in changes
    assert (small.sft.learning_rate == quickstart().sft.learning_rate) is whole, "all weights learn at their own rate"


STEPS = {step.name: step for step in build_steps(quickstart())}


def manifest(step: Step, **fields: Any) -> Manifest:
    made: dict[str, Any] = {
        "step": step.name, "kind": step.kind, "fingerprint": "", "attempt": "", "recipe": {}, "inputs": {},
        "tables": {}, "rows": {}, "counts": {}, "files": (), "versions": {}, "started": "", "seconds": 60.0,
    }  # fmt: skip
    return Manifest(**made | fields)


def test_a_row_for_the_engines_of_each_base() -> None:
    numbers = {"weak_completions": (20.0, 30.0, 32, 320), "icl_completions": (40.0, 50.0, 32, 600),
               "sampled": (0.0, 15.0, 128, 1400)}  # fmt: skip
    done = [
        (STEPS[name], manifest(STEPS[name], start_seconds=start, held_seconds=held,
                               counts={"completions": completions, "sampled_tokens": tokens}))
        for name, (start, held, completions, tokens) in numbers.items()
    ]  # fmt: skip
    weak, strong = engines(done, load_resources("cluster-70b"))
    assert weak.ok and "bases/weak: started in 20 s, 32 completions, 32 tokens/s" in weak.text
    assert strong.ok and "tensor parallel 4, started in 40 s, 160 completions, 80 tokens/s" in strong.text


@pytest.mark.parametrize(
    ("resources", "peak", "ok", "says"),
    [
        ("local", 1.5, True, "at most 1.5 GiB a worker, its libraries included"),
        ("cluster-70b", 22.0, True, "at most 22.0 GiB of a GPU in rows of up to 200 tokens, planned "),
        ("cluster-70b", 95.0, False, "of 80.0 GiB are expected: lower micro_batch or max_tokens, or take more workers"),
    ],
)
@pytest.mark.parametrize(("name", "check"), [("hybrid_ft_1", "SFT step"), ("dpo", "DPO step"), ("orpo", "ORPO step")])
def test_a_row_for_each_training(
    name: str, check: str, resources: str, peak: float, ok: bool, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "shape_of", lambda model: LLAMA)
    counts = {"peak_bytes": peak * GIB, "longest_row": 200, "steps": 2, "world_size": 8}
    row = trained(STEPS[name], manifest(STEPS[name], counts=counts, start_seconds=90, held_seconds=130),
                  load_resources(resources))  # fmt: skip
    assert (row.check, row.ok) == (check, ok) and says in row.text, row
    assert ("with ZeRO-3, started in 90 s, trained in 40 s" in row.text) is (resources != "local")


@pytest.mark.parametrize(
    ("resources", "says"),
    [
        # A token of LLAMA takes 2 x layers x heads x head x bytes; on CPU of 2 GiB in float32, without activations.
        ("local", f"planned {2 * GIB // (LLAMA.kv_bytes(1, 4)):,}"),
        ("cluster-70b", "planned "),
    ],
)
def test_a_row_for_one_more_engine(resources: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "shape_of", lambda model: LLAMA)
    base, seen = quickstart().strong, Seen([], [], [], start_seconds=41.6, kv_tokens=52_000)
    made = once_more(base, seen, load_resources(resources))
    assert made.ok and "one more started in 42 s, its KV cache holds 52,000 tokens, planned " in made.text
    assert says in made.text, made


def test_a_model_that_the_plan_cannot_count_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(model: Any) -> None:
        raise ValueError("has num_experts=4")

    monkeypatch.setattr(module, "shape_of", refuse)
    counts = {"peak_bytes": 3 * GIB, "longest_row": 200, "steps": 2, "world_size": 1}
    row = trained(STEPS["dpo"], manifest(STEPS["dpo"], counts=counts), load_resources("one-gpu"))
    assert row.ok and "which the plan cannot count (ValueError: has num_experts=4)" in row.text


@pytest.mark.parametrize("error", [ValueError("no pair"), StepFailed("no engine\nThe log is x")])
def test_the_scratch_store_of_a_run_that_fails_stays_and_is_named(
    error: Exception, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def run(small: Experiment, scratch: Store, resources: Any, only: list[str]) -> None:
        asked.append((small, resources.on_doubt, only))
        scratch.objects.write(scratch.objects.path("logs/one"), b"text")
        raise error

    monkeypatch.setattr(module, "run", run)
    failed, left = smoke(quickstart(), Store.at(str(tmp_path)), load_resources("local,on_doubt=stop"))
    assert asked == [(tiny(quickstart()), "ignore", ["dpo", "orpo"])]
    assert not failed.ok and str(error).splitlines()[0] in failed.text
    (scratch,) = (tmp_path / "preflight").iterdir()
    assert not left.ok and str(scratch) in left.text and (scratch / "logs/one").is_file()


@pytest.mark.parametrize("ok", [True, False])
def test_the_scratch_store_goes_where_all_is_well(ok: bool, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(small: Experiment, scratch: Store, *_: Any) -> None:
        scratch.objects.write(scratch.objects.path("logs/one"), b"text")

    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module, "judge", lambda *_: iter([module.row("adapter", ok, "made")]))
    monkeypatch.setattr(module, "identified_steps", lambda *_: ())
    rows = smoke(quickstart(), Store.at(str(tmp_path)), load_resources("local"))
    assert [row.check for row in rows] == (["adapter"] if ok else ["adapter", "tiny run"])
    assert list(tmp_path.iterdir()) == ([] if ok else [tmp_path / "preflight"])


def test_no_gold_is_read_of_what_the_engine_is_asked() -> None:
    """The rows that are scored are those of M_plus's SFT and of the pairs."""
    for changes in ([], ["recipe=w2s"], ["stage_one=icl"]):
        steps = {step.name: step for step in build_steps(tiny(set_fields(quickstart(), changes)))}
        student = dict(steps["sampled"].inputs)["adapter"].step
        for step in (student, steps["dpo"]):
            assert isinstance(step.recipe, FineTune | Prefer) and step.input("references") is None


def test_the_rows_before_an_error_are_shown(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(*_: Any) -> Any:
        yield module.row("engine", True, "started")
        raise RuntimeError("Ray says") from OSError("no room")

    monkeypatch.setattr(module, "run", lambda *_: None)
    monkeypatch.setattr(module, "judge", judge)
    monkeypatch.setattr(module, "identified_steps", lambda *_: ())
    rows = smoke(quickstart(), Store.at(str(tmp_path)), load_resources("local"))
    assert [(row.check, row.ok) for row in rows] == [("engine", True), ("tiny run", False), ("tiny run", False)]
    assert rows[1].text == "OSError: no room"


@pytest.mark.parametrize("smoke", [[], ["--smoke"]])
def test_a_job_of_the_cluster_gets_the_option(smoke: list[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[list[str]] = []
    monkeypatch.setattr(command, "submit_to", lambda _, arguments, *__, **___: jobs.append(arguments) or 0)
    words = ["preflight", "quickstart", "--store", str(tmp_path), "--address", "http://127.0.0.1:1"]
    assert main([*words, *smoke]) == 0
    assert jobs == [["quickstart", "--store", str(tmp_path), "--resources", "local", *smoke]]


@pytest.mark.parametrize(("ok", "expected"), [(True, ["nodes", "smoke"]), (False, ["nodes"])])
def test_nothing_dear_starts_where_a_node_fails(
    ok: bool, expected: list[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def rows(name: str, is_ok: bool) -> Any:
        return lambda *_: tried.append(name) or [module.row(name, is_ok, "made")]

    monkeypatch.setattr("ray_jobs.driver.preflight.nodes.preflight", rows("nodes", ok))
    monkeypatch.setattr(module, "smoke", rows("smoke", True))
    assert main(["preflight", "quickstart", "--store", str(tmp_path), "--smoke"]) == (0 if ok else 1)
    assert tried == expected


def test_the_longest_row_that_may_come_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peak that fits in short rows fails where rows of max_tokens would not; a plan too high is corrected."""
    monkeypatch.setattr(module, "shape_of", lambda model: LLAMA)
    long = {step.name: step for step in build_steps(set_fields(quickstart(), ["sft.max_tokens=16384"]))}["hybrid_ft_1"]
    resources = load_resources("cluster-70b")

    def row(peak: float, longest: int) -> Row:
        counts = {"peak_bytes": peak * GIB, "longest_row": longest, "steps": 2, "world_size": 8}
        return trained(long, manifest(long, counts=counts), resources)

    assert "planned 18.8; with 16384 tokens about 46.5 of 80.0" in row(20.9, 200).text and row(20.9, 200).ok
    assert "about 42.3 of 80.0" in row(16.7, 200).text
    assert not row(55, 200).ok and row(55, 16384).ok
