"""`python -m ray_jobs.cli` is the `w2s` command."""

import sys

from ray_jobs.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
