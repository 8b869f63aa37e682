"""What is tried on a cluster before a dear run: its nodes, and on demand a tiny run of the same experiment."""
