"""What leaves a store: training data in the formats of other trainers, and the cards of data and models."""
