"""Peak memory and time of the data: rows of large files, and the problems step over them.

    python -m tests.benchmarks.data [ROWS] [FOLDER]

Makes ROWS (default 1,000,000) word problems as JSON Lines and as Parquet in a temporary folder in FOLDER (default /tmp;
10,000,000 rows take 4 GB, and the step as much again in TMPDIR), ten times as many short rows, at most 10,000,000, as
JSON Lines, and 2,000 rows with an image of 200 KB each. Each measurement is a process of its own; memory is its largest
resident set, which holds 110 MB of libraries.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

IMAGES = 2_000
MOST_SHORT = 10_000_000
MEASURE = r"""
import json, re, time
from w2s.data.rows import read_rows
from w2s.data.splits import read_problems
from w2s.recipe import DatasetProblems, Source
began = time.perf_counter()
rows = {work}
seconds = time.perf_counter() - began
peak = re.search(r'VmHWM:\s*(\d+)', open('/proc/self/status').read())[1]
print(json.dumps([rows, seconds, int(peak) / 1024]))
"""
READ = "sum(1 for _ in read_rows('problems.test', Source(name={name!r}, answer='answer')))"
STEP = """sum(1 for split in read_problems(DatasetProblems(
    train_1=Source(name={name!r}, answer='answer', rows=(0, {first})),
    train_2=Source(name={name!r}, answer='answer', rows=({first}, {last})),
    test=Source(name={small!r}, answer='answer'), repeats='keep', overlap='keep'
)).splits.values() for _ in split.problems)"""


def row(number: int, rng: random.Random) -> dict[str, Any]:
    """A word problem of some 200 characters."""
    name, thing = rng.choice(("Ann", "Ben", "Cleo", "Dan")), rng.choice(("apples", "pens", "books", "coins"))
    a, b, c = (rng.randrange(10_000) for _ in range(3))
    question = (
        f"{name} has {a} {thing} in the morning and buys {b} more at the market on the way home. After dinner {c} of "
        f"the {thing} are given away to friends. How many {thing} does {name} have at the end of day {number}?"
    )
    return {"question": question, "answer": a + b - c, "source": "made", "tokens": list(range(number % 9))}


def write(folder: Path, count: int) -> None:
    """The files, with the same rows in both formats."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = random.Random(1)
    writer = None
    with (folder / "a.jsonl").open("w") as lines:
        for start in range(0, count, 100_000):
            rows = [row(n, rng) for n in range(start, min(start + 100_000, count))]
            lines.writelines(json.dumps(one) + "\n" for one in rows)
            table = pa.Table.from_pylist(rows)
            writer = writer or pq.ParquetWriter(folder / "a.parquet", table.schema)
            writer.write_table(table)
    if writer is not None:
        writer.close()
    with (folder / "short.jsonl").open("w") as lines:
        numbers = range(min(10 * count, MOST_SHORT))
        lines.writelines(f'{{"question": "{n} + {n % 97}?", "answer": "{n + n % 97}"}}\n' for n in numbers)
    (folder / "small.jsonl").write_text("".join(json.dumps(row(-n, rng)) + "\n" for n in range(1, 1001)))
    images = [row(n, rng) | {"image": rng.randbytes(200_000)} for n in range(IMAGES)]
    pq.write_table(pa.Table.from_pylist(images), folder / "images.parquet")


def measure(what: str, work: str) -> None:
    """One line: rows, seconds, peak memory."""
    code = MEASURE.format(work=work)
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    rows, seconds, mib = json.loads(printed)
    print(f"{what:<58} {rows:>10,} rows {seconds:>7.1f} s {mib:>6.0f} MiB", flush=True)


def main() -> None:
    """Write, measure, delete."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as name:
        folder = Path(name)
        began = time.perf_counter()
        write(folder, count)
        sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.0f} MB" for path in sorted(folder.iterdir()))
        print(f"{sizes}, made in {time.perf_counter() - began:.0f} s", flush=True)
        small = str(folder / "small.jsonl")
        for file in ("short.jsonl", "a.jsonl", "a.parquet", "images.parquet"):
            measure(f"{file}: all rows read", READ.format(name=str(folder / file)))
        for file in ("short.jsonl", "a.jsonl", "a.parquet"):
            work = STEP.format(name=str(folder / file), first=1000, last=8000, small=small)
            measure(f"{file}: the problems step, 1,000 and 7,000 rows of all", work)
        work = STEP.format(name=str(folder / "a.parquet"), first=count // 2, last=count, small=small)
        measure("a.parquet: the problems step, all rows in two halves", work)


if __name__ == "__main__":
    main()
