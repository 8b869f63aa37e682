"""Math-Verify as a second opinion, in a process of its own."""
