import hashlib

import pytest

from manifests import sorting
from manifests.sorting import SortedLines


@pytest.mark.parametrize("held", [1 << 26, 1_000])  # in memory; on the disk
def test_lines_come_in_the_order_of_their_keys_and_then_as_they_came(held: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sorting, "_HELD", held)
    keys = [hashlib.sha256(f"{number % 300}".encode()).hexdigest()[:16] for number in range(400)]
    entries = [(key, f"{{ {number} : {key} }}".encode()) for number, key in enumerate(keys)]
    with SortedLines() as lines:
        for key, line in entries:
            lines.add(key, line)
        expected = [line for _, line in sorted(entries, key=lambda entry: entry[0])]
        assert list(lines) == expected
        assert list(lines) == expected  # as often as asked


def test_nothing_gives_nothing():
    with SortedLines() as lines:
        assert list(lines) == []
