"""The cheap steps: problems, agreement, pairs, scores, audit, report."""
