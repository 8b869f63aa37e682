"""One run: plan, preflight checks, scheduling, submission."""
