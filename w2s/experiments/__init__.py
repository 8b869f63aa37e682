"""Complete experiments, and how their fields are changed."""
