"""Forms of answers in words and letters: words, sequences of letters, formulas of chemistry, choices."""
