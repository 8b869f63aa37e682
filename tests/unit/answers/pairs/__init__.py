"""Pairs of answers with known verdicts: collected cases, reported inputs of other graders, and made pairs."""
