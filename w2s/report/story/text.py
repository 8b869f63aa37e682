"""The story of one problem as lines for a terminal."""

from collections import Counter
from collections.abc import Iterable, Iterator

from w2s.report.story.story import Reading, Story, Written
from w2s.report.terminal import grid, indented, printable


def lines(story: Story) -> list[str]:
    """The story in the order of the method. Texts of models and of data are indented and without control characters."""
    labels = [f"{name} {value}" for name, value in (("kind", story.kind), ("level", story.level)) if value]
    told = [f"problem {story.problem_id} of {story.split}{''.join(f', {label}' for label in labels)}"]
    told += _section("question", indented(story.question))
    if story.gold_answer:
        about = f"gold answer {story.gold_answer} (shown to you; the strong model's path has no access to it)"
        told += _section(about, indented(story.gold_solution))
    told += [f"{name} chose it for the strong model's prompt" for name in story.demonstration_of]
    for written in story.written:
        told += _section(f"{written.step}, written by {written.model or '-'}", _completions(written))
    decisions = [[d.step, d.outcome, d.detail, d.meaning] for d in story.decisions]
    told += _section("decisions", grid(["step", "outcome", "answers", "meaning"], decisions, (0, 1, 2, 3)), decisions)
    for pair in story.pairs:
        sides = f"chosen {pair.chosen_answer} over {pair.rejected_answer}, confidence {pair.confidence:.2f}"
        told += _section(f"pair of {pair.step}: {sides}; the chosen side is from the {pair.chosen_source} model", [
            "  chosen", *indented(pair.chosen), "  rejected", *indented(pair.rejected)
        ])  # fmt: skip
    told += _section("who learned from it", list(_lessons(story)))
    verdicts = [[s.model, s.verdict, s.answer or "-", s.reason, s.second_opinion] for s in story.verdicts]
    header = ["model", "verdict", "answer", "reason", "Math-Verify"]
    told += _section("verdicts", grid(header, verdicts, (0, 1, 2, 3, 4)), verdicts)
    if story.unfinished:
        told += ["", f"not finished yet: {', '.join(story.unfinished)}"]
    return told


def _section(heading: str, body: list[str], rows: Iterable[object] = (None,)) -> list[str]:
    """A heading after an empty line, and its body; nothing where the body or `rows` are empty."""
    return ["", printable(heading), *body] if body and list(rows) else []


def _completions(written: Written) -> list[str]:
    told: list[str] = []
    if len(written.completions) > 1:
        votes = Counter(reading.form or f"unreadable:{reading.unreadable}" for reading in written.completions)
        told.append("  " + printable(", ".join(f"{answer} x {count}" for answer, count in votes.most_common())))
    for reading in written.completions:
        number = f"sample {reading.sample}: " if len(written.completions) > 1 else ""
        told.append(f"  {number}{_read_as(reading)}; {reading.tokens} tokens, {printable(reading.ended_by)}")
        told += indented(reading.text)
    return told


def _read_as(reading: Reading) -> str:
    if reading.unreadable:
        return f"no answer ({reading.unreadable})"
    form = f", compared as {printable(reading.form)}" if reading.form != reading.answer else ""
    return f"read as {printable(reading.answer) or '-'}{form}"


def _lessons(story: Story) -> Iterator[str]:
    for lesson in story.lessons:
        yield f"  {lesson.step}{'' if lesson.is_trained else ' (not trained yet)'}"
        yield from indented(lesson.left_out or lesson.taught)
