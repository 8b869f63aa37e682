"""`w2s answers`: whether two answers are equal, for one pair or for a file of pairs. It starts nothing."""

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from w2s.answers.types import Relation


class Pair(NamedTuple):
    """Two answers of one kind."""

    a: str
    b: str
    kind: str


class Judged(NamedTuple):
    """A pair's verdict, the canonical forms that were compared, the rule that decided or left it open, and the time."""

    verdict: "Relation"
    form_a: str
    form_b: str
    rule: str
    seconds: float


def add_commands(commands: Any) -> None:
    """Add the command to the subparsers."""
    answers = commands.add_parser(
        "answers",
        help="say whether two answers are equal, different or undecided, by which rule, and how long it took",
        epilog="Before an answer such as -x write --, as in: w2s answers --kind EX -- -x 1-x",
    )
    answers.set_defaults(command=_answers)
    answers.add_argument("a", metavar="A", nargs="?", help="an answer, for example '\\frac{1}{2}'")
    answers.add_argument("b", metavar="B", nargs="?", help="the other answer")
    answers.add_argument("--kind", default="", help="the answer kind of both: NV, SC, MC, ...; without it any answer")
    answers.add_argument("--file", metavar="PAIRS", help="a JSON Lines file of objects with a, b and, if any, kind")


def judge(pair: Pair) -> Judged:
    """Compare two answers. Raises ValueError for an unknown kind."""
    from w2s.answers import canonical, decide

    start = time.perf_counter()
    verdict, rule = decide(*pair)
    seconds = time.perf_counter() - start
    return Judged(verdict, canonical(pair.a, pair.kind), canonical(pair.b, pair.kind), rule, seconds)


def _answers(options: argparse.Namespace) -> int:
    if options.file is None:
        if options.b is None:
            raise ValueError("two answers are needed: w2s answers A B, or w2s answers --file PAIRS")
        pair = Pair(options.a, options.b, options.kind)
        judged = judge(pair)
        print(f"{judged.verdict}: {judged.rule} ({judged.seconds * 1000:.1f} ms)")
        print(f"  {_shown(pair.a)}  ->  {_shown(judged.form_a)}")
        print(f"  {_shown(pair.b)}  ->  {_shown(judged.form_b)}")
        return 0
    if options.a is not None:
        raise ValueError("give two answers or --file, not both")
    pairs = read_pairs(Path(options.file), options.kind)
    found = [judge(pair) for pair in pairs]
    for pair, judged in zip(pairs, found, strict=True):
        print(
            f"{judged.verdict:<9} {judged.seconds * 1000:>7.1f} ms  {pair.kind:<4}{_shown(pair.a)}  |  {_shown(pair.b)}"
            f"  ->  {_shown(judged.form_a)}  |  {_shown(judged.form_b)}  ({judged.rule})"
        )
    counts = Counter(judged.verdict for judged in found)
    slowest = max((judged.seconds for judged in found), default=0.0)
    print(
        f"{len(found):,} pairs: {counts['equal']:,} equal, {counts['different']:,} different, "
        f"{counts['undecided']:,} undecided; {sum(judged.seconds for judged in found):.2f} s, the slowest "
        f"{slowest * 1000:.1f} ms"
    )
    return 0


def read_pairs(path: Path, kind: str) -> list[Pair]:
    """The pairs of a JSON Lines file; `kind` where a row has none. Raises ValueError with the line's number."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--file {path} cannot be read: {error}") from None
    pairs: list[Pair] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}:{number} is no JSON: {error}") from None
        fields = [row.get("a"), row.get("b"), row.get("kind", kind)] if isinstance(row, dict) else []
        if not fields or not all(isinstance(field, str) for field in fields):
            raise ValueError(f'{path}:{number} must be an object such as {{"a": "1/2", "b": "0.5", "kind": "NV"}}')
        pairs.append(Pair(*fields))
    return pairs


def _shown(text: str) -> str:
    """`text` without characters that change a terminal: answers are written by models."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
