"""The lines of a run: first signs, ticking phases, a live line within any terminal, its state for other processes."""

import io
import os
import time
from pathlib import Path

import pytest

from ray_jobs.runtime import progress as module
from ray_jobs.runtime.logs import RunLog
from ray_jobs.runtime.progress import Progress, live_line
from ray_jobs.runtime.step_progress import StepProgress
from w2s.store.store import Store


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """Standard output whose reader has ended."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def steps(count: int) -> list[StepProgress]:
    return [
        StepProgress(f"icl_ft_{n}_completions", total=7_000, unit="problems", done=1_200 * n, work=1_200 * n + 1,
                     tokens=90_000, worked_since=time.time() - 60, loss=0.5, phase="" if n % 2 else "starting engine")
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("columns", [1, 10, 24, 40, 79, 80, 120, 200])
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_live_line_fits(columns: int, count: int) -> None:
    line = live_line(steps(count), columns)
    assert len(line) < columns and "\n" not in line
    if columns >= 80:
        assert line.startswith("icl_ft_0_completions s") and (count < 4 or "| +" in line or columns >= 24 * count)


def test_a_short_step_leaves_its_room_to_the_next() -> None:
    short = StepProgress("dpo", total=5, unit="steps", done=1)
    line = live_line([short, *steps(2)[1:]], 80)
    assert "1,200/7,000 problems, 1,500 tokens/s" in line and len(line) < 80


@pytest.mark.slow
def test_a_phase_ticks_on_a_terminal_and_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIVE_SECONDS", 0.01)
    monkeypatch.setattr(module, "LOG_SECONDS", 0.05)
    terminal, log = Terminal(), io.StringIO()
    with Progress(terminal, log) as progress:
        progress.begin("sampled", "steps/sample-1", "waiting for its lease")
        progress.phase("sampled", "starting", line=True)
        progress.started("sampled", 10, "problems", phase="starting engine")
        time.sleep(0.5)
        progress.advanced("sampled", 4, tokens=40, engine="a", restarts=1)
        time.sleep(0.3)
        progress.finished("sampled", "10 completions")
    assert "\r\x1b[Ksampled starting engine 0 s" in terminal.getvalue()
    lines = [line.split("] ")[1] for line in log.getvalue().splitlines()]
    assert lines[0].split() == ["sampled", "starting"] and "started, 10 problems" in lines[1]
    assert "starting engine 0 s" in lines[2] and any("4/10 problems" in line for line in lines)
    assert "finished in" in lines[-1] and "\x1b" not in log.getvalue()
    own = [line for line in terminal.getvalue().split("\r\x1b[K") if line.endswith("\n")]
    assert len(own) == 3, "the ticking lines of the log are no lines of the terminal"


def test_the_state_for_other_processes() -> None:
    progress = Progress(io.StringIO())
    progress.plan("mine", ["weak_sft", "sampled", "pairs"], 5)
    assert (progress.state().done, progress.state().total, progress.state().next[0]) == (2, 5, "weak_sft")
    progress.begin("weak_sft", "steps/finetune-1", "starting workers")
    progress.advanced("weak_sft", 0, loss=float("nan"))
    progress.finished("weak_sft", "")
    progress.begin("sampled", "steps/sample-1", "waiting for its lease")
    progress.started("sampled", 100, "problems", 20, phase="starting engine")
    (step,) = progress.state().steps
    assert (step.phase, step.done, step.total, step.seconds_left) == ("starting engine", 20, 100, None)
    for engine in ("a", "b"):
        progress.advanced("sampled", 20, tokens=500, since=time.time() - 10, engine=engine, restarts=1, failed=1)
    (step,) = progress.state().steps
    assert (step.phase, step.done, step.engines, step.restarts, step.failed) == ("", 60, 2, 2, 2)
    assert step.tokens_per_second == pytest.approx(100, rel=0.1) and step.seconds_left == pytest.approx(10, rel=0.1)
    assert progress.state().done == 3 and progress.state().next == ("pairs",)
    progress.stopped("sampled")  # it failed
    assert progress.state().done == 3 and progress.state().next == ("sampled", "pairs")


def test_a_reader_that_has_gone_does_not_end_a_run() -> None:
    log = io.StringIO()
    progress = Progress(Gone(), log)
    progress.started("dpo", 3, "steps")
    progress.finished("dpo", "trained")
    assert "dpo" in log.getvalue() and "trained" in log.getvalue()


def test_the_runs_own_lines_are_in_its_log_between_those_of_libraries(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with RunLog(Store.at(str(tmp_path), run="r")) as log:
        progress = Progress(log.terminal, log.lines)
        progress.log("first line")
        os.write(1, b"a library's line\n")
        progress.log("last line")
    text = (tmp_path / "logs/r.log").read_text()
    assert text.index("first line") < text.index("a library's line") < text.index("last line")
    out = capfd.readouterr().out
    assert "first line" in out and "last line" in out and "library" not in out
