"""The jobs: read a step's inputs from the store, call w2s and the libraries, write its outputs. Heavy imports are inside functions."""
