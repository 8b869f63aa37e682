"""Measurements, each run as `python -m tests.benchmarks.NAME`; absolute times are one machine's, so each prints both
sides and their ratio."""
