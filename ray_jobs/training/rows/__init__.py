"""What a training learns from: the examples of its inputs, their token rows, and the files that hold these."""
