"""What a run will take: the plan's text for its user, and the numbers that its manifests record."""
