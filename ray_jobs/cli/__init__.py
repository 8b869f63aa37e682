"""The `w2s` command: main.py has the exit codes, each other file one command or family of commands."""
