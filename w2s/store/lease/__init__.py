"""One driver per step: leases and heartbeats."""
