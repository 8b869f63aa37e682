"""One sampling step in the driver: its prompts, its blocks, its commit."""
