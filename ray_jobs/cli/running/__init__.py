"""Commands that plan and run experiments."""
