"""The `w2s` command, a file per family of commands."""
