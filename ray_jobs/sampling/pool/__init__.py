"""The engines of a base while they live: what they are started with, how blocks reach them, which steps join them."""
