"""Deny-lists: what their lines mean, and which lines are refused."""

import hashlib
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.denied import DenyList, deny_digest, read_denied
from manifests.errors import DatasetError, RejectedItem
from manifests.records import Reason

DATA = b"the bytes of a picture"
SHA256 = hashlib.sha256(DATA).hexdigest()
MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()


def refusal(listed: DenyList, data: bytes = DATA, phash: str = "f" * 16) -> str:
    try:
        listed.check_file(data, hashlib.sha256(data).hexdigest())
        listed.check_picture(phash, "member sd")
    except RejectedItem as rejected:
        return rejected.detail if rejected.reason is Reason.DENIED else str(rejected)
    return ""


def listed(path: Path, *lines: str, radius: int = 3) -> DenyList:
    path.write_text("\n".join(lines))
    return read_denied([str(path)], radius)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (SHA256, f"its sha256 {SHA256} is on the deny-list"),
        (SHA256.upper(), f"its sha256 {SHA256} is on the deny-list"),
        (f"  {MD5}  # why", f"its md5 {MD5} is on the deny-list"),
        ("f" * 16, "member sd looks like ffffffffffffffff on the deny-list"),
        ("F" * 15 + "8", "member sd looks like fffffffffffffff8 on the deny-list"),
        ("f" * 15 + "0", ""),
        ("0" * 64, ""),
        ("# " + SHA256, ""),
        ("", ""),
    ],
)
def test_a_line_is_a_digest_or_a_perceptual_hash(tmp_path: Path, line: str, says: str):
    assert refusal(listed(tmp_path / "deny.txt", "# a list", line, "1" * 32)) == says


@given(flips=st.sets(st.integers(0, 63), max_size=20), radius=st.integers(0, 15))
def test_a_perceptual_hash_reaches_as_far_as_the_radius(flips: set[int], radius: int):
    near = sum(1 << bit for bit in flips) ^ 0x0123456789ABCDEF
    assert bool(refusal(DenyList(["0123456789abcdef"], radius), phash=f"{near:016x}")) == (len(flips) <= radius)


@pytest.mark.parametrize("line", ["f" * 15, "g" * 16, SHA256 + "0", "d41d8cd98f00b204 e9800998ecf8427e", "\x1b[2J"])
def test_a_line_that_is_no_hash_is_named(tmp_path: Path, line: str):
    with pytest.raises(DatasetError, match=r"deny\.txt, line 3: .* is no hash; expected 64 hex digits") as error:
        listed(tmp_path / "deny.txt", SHA256, "", line)
    assert str(error.value).isprintable()


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(DatasetError, match=r"none\.txt: no deny-list can be read here"):
        read_denied([str(tmp_path / "none.txt")], 3)
    with pytest.raises(DatasetError, match=r"none\.txt"):
        deny_digest([str(tmp_path / "none.txt")])
    (tmp_path / "picture.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(DatasetError, match="not UTF-8"):
        read_denied([str(tmp_path / "picture.jpg")], 3)


def test_a_list_from_elsewhere_is_fetched_once(tmp_path: Path):
    url = f"memory://{tmp_path.name}/deny.txt"
    fsspec.filesystem("memory").pipe_file(url, SHA256.encode())
    assert refusal(read_denied([url], 3)) != ""
    fsspec.filesystem("memory").pipe_file(url, b"")
    assert refusal(read_denied([url], 3)) != ""


def test_lists_add_up_and_their_digest_tells_a_change(tmp_path: Path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text(SHA256)
    second.write_text("f" * 16)
    both = [str(first), str(second)]
    assert refusal(read_denied(both, 0), data=b"other") != ""
    assert refusal(read_denied(both, 0), phash="0" * 16) != ""
    before = deny_digest(both)
    second.write_text("0" * 16)
    assert deny_digest(both) != before
    assert refusal(read_denied(both, 0), data=b"other") == ""
    assert deny_digest([]) == ""
