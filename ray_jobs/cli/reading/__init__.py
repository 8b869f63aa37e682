"""Commands that read a store and start nothing."""
