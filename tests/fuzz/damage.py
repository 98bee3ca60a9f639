"""Damage to files that were whole: bytes flipped, lost, doubled, cut off, moved, and put in from elsewhere."""

from collections.abc import Sequence
from random import Random

from hypothesis import strategies as st

_NUMBERS = (
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
    b"\x00" * 8,
)
_WORST = 6  # changes of one file


def damaged(valid: Sequence[bytes], words: Sequence[bytes] = ()) -> st.SearchStrategy[bytes]:
    """Damaged files.

    Args:
        valid: whole ones.
        words: what the format knows a meaning of, put in at any place.
    """
    return st.builds(
        lambda number, seed, changes: _damage(valid, number, Random(seed), changes, words),
        st.integers(0, len(valid) - 1),
        st.integers(0, 2**32 - 1),
        st.integers(0, _WORST),
    )


def _damage(valid: Sequence[bytes], number: int, chance: Random, changes: int, words: Sequence[bytes]) -> bytes:
    data = bytearray(valid[number])
    for _ in range(changes):
        _change(data, valid, chance, words)
    return bytes(data)


def _change(data: bytearray, valid: Sequence[bytes], chance: Random, words: Sequence[bytes]) -> None:
    """One change, in place."""
    place = _place(len(data), chance)
    length = chance.choice((1, 1, 2, 4, 8, 64, 512))
    kind = chance.randrange(8 if words else 7)
    if kind == 0:
        data[place : place + 1] = bytes([byte ^ 1 << chance.randrange(8) for byte in data[place : place + 1]])
    elif kind == 1:
        data[place : place + 1] = bytes([chance.randrange(256)])
    elif kind == 2:
        del data[place : place + length]
    elif kind == 3:
        data[place:place] = data[place : place + length]
    elif kind == 4:
        del data[place:]
    elif kind == 5:
        number = chance.choice(_NUMBERS)
        data[place : place + len(number)] = number
    elif kind == 6:
        other = chance.choice(valid)
        start = chance.randrange(len(other) + 1)
        data[place : place + length] = other[start : start + length]
    else:
        data[place:place] = chance.choice(words)


def _place(length: int, chance: Random) -> int:
    """Anywhere; more often near the two ends, where formats keep their headers and their tables."""
    whole = chance.randrange(length + 1)
    near = min(chance.randrange(64), length)
    return chance.choice((whole, whole, near, length - near))
