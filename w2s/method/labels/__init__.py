"""Labels out of M's own samples, and what they can be believed by."""
