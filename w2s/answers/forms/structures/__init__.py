"""Forms of answers with parts: lists, tuples, intervals, matrices, equations and inequalities, names and values."""
