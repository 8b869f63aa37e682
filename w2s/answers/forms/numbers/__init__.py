"""Forms of numbers, expressions, times, ranges and numbers of other bases."""
