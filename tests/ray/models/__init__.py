"""The table of docs/models.md: a tiny random model of each architecture goes through the method's own functions."""
