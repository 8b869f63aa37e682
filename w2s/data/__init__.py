"""Problems: where they are, which bytes, their rows, splits, gold and duplicates."""
