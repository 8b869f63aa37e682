"""The jobs: each reads a step's inputs from the store, calls w2s and the libraries, and writes the step's outputs.

Functions import Ray, vLLM, torch and transformers when they run, so that `w2s --help` answers in under a second.
"""
