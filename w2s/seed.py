"""Seeds that do not depend on order: each problem's is a hash of the recipe's seed and its own id."""

from hashlib import blake2b


def derived_seed(seed: int, *parts: str | int) -> int:
    """An integer in 0 .. 2**63 - 1, a hash of `seed` and `parts`.

    The same on every machine and Python, unlike `hash`; adding problems or samples changes no other's.
    """
    text = "\x1f".join(str(part) for part in (seed, *parts))
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") >> 1
