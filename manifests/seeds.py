"""Numbers that depend on names alone: never a counter, never shared, the same on every machine."""

import hashlib


def digest(*parts: str | int) -> bytes:
    """The sha256 of the parts, each preceded by its length so that no two lists of parts meet in one text.

    A number is the same part as its decimal text.
    """
    text = "".join([f"{len(part)}:{part}" for part in map(str, parts)])
    return hashlib.sha256(text.encode()).digest()


def seed(*parts: str | int) -> int:
    """A seed in [0, 2**63) drawn from the parts: what `torch.Generator.manual_seed` takes."""
    return int.from_bytes(digest(*parts)[:8], "big") >> 1


def fraction(*parts: str | int) -> float:
    """A number in [0, 1) drawn from the parts, with 53 random bits."""
    return (int.from_bytes(digest(*parts)[:8], "big") >> 11) / 2**53
