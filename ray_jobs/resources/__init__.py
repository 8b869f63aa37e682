"""How wide a run computes, and what that means for Ray, vLLM and DeepSpeed."""
