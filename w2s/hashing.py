"""Seeds and orders that depend on names alone: the same on every machine, untouched by other problems."""

import hashlib


def hashed(*parts: str | int) -> int:
    """A 64-bit number from the parts; unlike Python's `hash`, the same in every process."""
    text = "\x00".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")
