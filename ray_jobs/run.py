"""`python -m ray_jobs.run EXPERIMENT --store URL ...` is `w2s run`, as the entry point of `ray job submit`."""

import sys

from ray_jobs.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
