"""What is checked before anything starts: data, models, memory, this machine."""
