"""Readers of data files and of datasets: rows with their places, one at a time, in the memory of a few rows.

Every reader yields `Read` rows. Files are read by w2s itself, because an error then names the line, text cells stay
text (pandas would make numbers of them), and memory does not grow with the file; `datasets` reads the hub.
"""
