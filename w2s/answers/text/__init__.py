"""Text of answers: LaTeX decoration, numbers, brackets and lists."""
