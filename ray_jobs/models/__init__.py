"""Base models, adapters and tokenizers on this node."""
