"""Completions: blocks of problems through vLLM engines."""
