"""Taking images out of a dataset that stands alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from manifests.dataset import Dataset
from manifests.records import Pair, Reason
from manifests.removal import remove
from manifests.storage import Folder
from manifests.tombstones import Tombstone, Tombstones, read_tombstones


class KilledError(BaseException):
    """Stands for the end of the process."""


Check = Callable[[Dataset], None]


def tombstones(*pairs: Pair) -> Tombstones:
    return Tombstones.of(Tombstone(sha256=pair.image.sha256, key=pair.image.key, reason="asked for") for pair in pairs)


def contents(folder: Folder) -> dict[str, bytes]:
    return {name: folder.read(name) for name in folder.files()}


def test_pairs_go_and_all_accounts_agree(finished: Dataset, assert_whole: Check):
    pairs = list(finished.pairs())
    before = contents(finished.folder)
    assert remove(finished, tombstones(pairs[1])) == [pairs[1]]
    left = Dataset.open(str(finished.folder))
    assert list(left.pairs()) == [pairs[0], *pairs[2:]]
    assert_whole(left)
    assert left.audit_verdict == "passed"
    after = contents(left.folder)
    assert after["shards/test-000000.tar"] == before["shards/test-000000.tar"]
    assert pairs[1].image.key.encode() not in after["ATTRIBUTION.csv"] + after["manifest.jsonl"]
    assert "reports/audit.html" not in after
    rejects = [(reject.key, reject.stage, reject.reason, reject.detail) for reject in left.rejects()]
    assert (pairs[1].pair_id, "split", Reason.TAKEN_DOWN, "asked for") in rejects
    assert read_tombstones(left.folder).covers(pairs[1].image)


def test_a_shard_without_samples_goes(finished: Dataset, assert_whole: Check):
    pairs = list(finished.pairs())
    remove(finished, tombstones(*pairs[3:]))
    left = Dataset.open(str(finished.folder))
    assert left.shards() == ["shards/train-000000.tar"]
    assert left.folder.size("shards/test-000000.tar") is None
    assert_whole(left)


def test_where_all_goes_a_whole_dataset_without_pairs_is_left(finished: Dataset, assert_whole: Check):
    pairs = list(finished.pairs())
    assert remove(finished, tombstones(*pairs)) == pairs
    left = Dataset.open(str(finished.folder))
    assert (list(left.pairs()), left.shards()) == ([], [])
    assert len(read_tombstones(left.folder)) == len(pairs)
    assert_whole(left)


def test_one_after_the_other_is_as_both_at_once(finished: Dataset):
    pairs = list(finished.pairs())
    before = contents(finished.folder)
    remove(finished, tombstones(pairs[0], pairs[4]))
    at_once = contents(finished.folder)
    for name in finished.folder.files():
        finished.folder.remove(name)
    for name, data in before.items():
        finished.folder.write(name, data)
    remove(Dataset.open(str(finished.folder)), tombstones(pairs[0]))
    remove(Dataset.open(str(finished.folder)), tombstones(pairs[4]))
    assert contents(finished.folder) == at_once


def test_a_dataset_that_was_changed_since_it_was_opened_is_read_again(finished: Dataset, assert_whole: Check):
    pairs = list(finished.pairs())
    late = Dataset.open(str(finished.folder))
    remove(finished, tombstones(pairs[0]))
    assert remove(late, tombstones(pairs[4])) == [pairs[4]]
    left = Dataset.open(str(finished.folder))
    assert list(left.pairs()) == pairs[1:4]
    assert_whole(left)


def test_untouched_shards_are_not_written(finished: Dataset):
    if not finished.folder.is_local:
        pytest.skip("times are looked at on the disk")
    shard = Path(finished.folder.path("shards/test-000000.tar"))
    before = shard.stat()
    remove(finished, tombstones(next(finished.pairs())))
    assert (shard.stat().st_mtime_ns, shard.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_killed_at_any_step_the_dataset_is_as_it_was_or_as_it_will_be(
    finished: Dataset, monkeypatch: pytest.MonkeyPatch, assert_whole: Check
):
    if not finished.folder.is_local:
        pytest.skip("on the disk alone, opening brings a change to its end")
    folder = finished.folder
    pairs = list(finished.pairs())
    before = contents(folder)
    remove(finished, tombstones(pairs[1], pairs[3]))
    after = contents(folder)
    steps, limit = kill_after(monkeypatch, folder), 0
    outcomes = set[str]()
    while True:
        for name in folder.files():
            folder.fs.rm_file(folder.path(name))
        for name, data in before.items():
            Path(folder.path(name)).parent.mkdir(exist_ok=True)
            Path(folder.path(name)).write_bytes(data)
        steps(limit)
        try:
            remove(Dataset.open(str(folder)), tombstones(pairs[1], pairs[3]))
            break
        except KilledError:
            steps(None)
        opened = Dataset.open(str(folder))
        assert contents(folder) in (before, after), limit
        outcomes.add("before" if contents(folder) == before else "after")
        assert_whole(opened)
        remove(opened, tombstones(pairs[1], pairs[3]))
        assert contents(folder) == after, limit
        limit += 1
    assert limit > 20
    assert outcomes == {"before", "after"}


def kill_after(monkeypatch: pytest.MonkeyPatch, folder: Folder) -> Callable[[int | None], None]:
    """Let the process end before the step of a given number: a file that is written, moved or removed."""
    left: list[int | None] = [None]

    def step() -> None:
        if left[0] is not None:
            if left[0] == 0:
                raise KilledError
            left[0] -= 1

    create, take_away, move = Folder.create, Folder.remove, folder.fs.mv

    @contextmanager
    def creating(self: Folder, name: str) -> Iterator[IO[bytes]]:
        step()
        with create(self, name) as stream:
            yield stream

    def removing(self: Folder, name: str) -> None:
        step()
        take_away(self, name)

    def moving(source: str, target: str) -> None:
        step()
        move(source, target)

    monkeypatch.setattr(Folder, "create", creating)
    monkeypatch.setattr(Folder, "remove", removing)
    monkeypatch.setattr(folder.fs, "mv", moving)

    def set_limit(limit: int | None) -> None:
        left[0] = limit

    return set_limit


def test_an_unfinished_dataset_is_refused(dataset: Dataset):
    from manifests.errors import DatasetError

    with pytest.raises(DatasetError, match="not finished"):
        remove(dataset, tombstones(next(dataset.pairs())))
