"""Sizes of engines and trainings, and the settings of Ray, vLLM and DeepSpeed that follow from them."""
