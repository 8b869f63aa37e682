"""Wall seconds of `w2s --help` and `w2s plan`, against `import torch` in the same interpreter.

python -m tests.benchmarks.startup
"""

import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 7


def median_seconds(*command: str) -> float:
    """Median wall seconds of a command's runs, after one that is not counted."""
    times: list[float] = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def main() -> None:
    """Print each command's time and its ratio to the import."""
    torch = median_seconds("-c", "import torch")
    with tempfile.TemporaryDirectory() as store:
        for command in (
            ["--help"],
            ["list"],
            ["plan", "quickstart", "--store", store],
            ["plan", "gsm8k-llama2-7b", "--store", store],
        ):
            seconds = median_seconds("-m", "ray_jobs.cli", *command)
            print(
                f"w2s {' '.join(command[:2]):<24} {seconds:.2f} s; import torch {torch:.2f} s; "
                f"ratio {seconds / torch:.2f}"
            )


if __name__ == "__main__":
    main()
