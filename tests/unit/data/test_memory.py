"""Memory of reading does not grow with the file: each file is far larger than what its reader may hold."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS, TEXT = 25_000, "x" * 6000  # 150 MB
READ = r"""
import re, sys
from w2s.data.rows import read_rows
from w2s.recipe import Source
def peak(): return int(re.search(r"VmHWM:\s*(\d+)", open("/proc/self/status").read())[1]) / 1024
before = peak()
rows = sum(1 for _ in read_rows("problems.test", Source(name=sys.argv[1], answer="answer")))
print(rows, peak() - before)
"""


def rows() -> Any:
    return ({"question": f"{n} {TEXT}", "answer": n} for n in range(ROWS))


def write(path: Path) -> None:
    if path.suffix == ".csv":
        with path.open("w") as file:
            writer = csv.DictWriter(file, ["question", "answer"])
            writer.writeheader()
            writer.writerows(rows())
    elif path.suffix == ".jsonl":
        with path.open("w") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows())
    elif path.suffix == ".json":
        with path.open("w") as file:
            file.write('{"version": 1, "data": [')
            file.writelines(f"{',' if row['answer'] else ''}{json.dumps(row)}" for row in rows())
            file.write("]}")
    elif path.suffix == ".arrow":
        table = pa.Table.from_pylist(list(rows())).combine_chunks()
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)  # one record batch
    else:
        pq.write_table(pa.Table.from_pylist(list(rows())), path, use_dictionary=False, compression="none")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.parquet", "a.arrow"])
def test_a_large_file_is_read_in_the_memory_of_some_rows(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    assert (tmp_path / name).stat().st_size > 145e6
    run = subprocess.run([sys.executable, "-c", READ, str(tmp_path / name)], check=True, capture_output=True, text=True)
    count, mib = re.split(r"\s+", run.stdout.strip())
    print(name, mib, "MiB")
    assert int(count) == ROWS
    assert float(mib) < 110
