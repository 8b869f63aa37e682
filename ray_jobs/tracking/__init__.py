"""Mirrors of a run in W&B, MLflow and TensorBoard: what the store has recorded, sent by their own clients if asked."""
