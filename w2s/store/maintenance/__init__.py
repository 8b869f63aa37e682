"""Commands on a whole store: verify, repair, gc."""
