"""A group of training workers: the trainings that it takes up one after another, their progress and their end."""
