"""What a step will cost: memory of each GPU, tokens, hours and money, by arithmetic on a model's configuration."""
