"""w2s: weak-to-strong reasoning as a graph of steps over a store. This package is pure: no ray, torch, transformers or
vllm."""

__version__ = "0.1.0"
