"""The commands that ask models: eval, chat."""
