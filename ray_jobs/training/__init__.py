"""SFT, DPO and ORPO with Ray Train, TRL, PEFT and DeepSpeed."""
