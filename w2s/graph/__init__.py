"""The method as a graph of steps."""
