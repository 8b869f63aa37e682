"""Scores, intervals, the report and its page."""
