"""One sampling step: its problems, their prompts, its blocks, its commit."""
