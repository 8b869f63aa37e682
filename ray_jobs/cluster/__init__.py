"""The hosts of a cluster before, around and after its jobs: checked, started, reached through a tunnel, stopped."""
