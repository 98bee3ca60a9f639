from collections.abc import Callable
from pathlib import Path

import pytest

from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.records import Reason
from manifests.removal import remove
from manifests.storage import Folder
from manifests.subset import parse_filter, subset
from manifests.tombstones import Tombstone, Tombstones, read_tombstones

Make = Callable[..., Dataset]


class KilledError(BaseException):
    """Stands for the end of the process."""


Check = Callable[[Dataset], None]


@pytest.fixture
def whole(make_dataset: Make) -> Dataset:
    return make_dataset("whole", {"train": range(5), "validation": [5], "test": range(6, 9)})


def test_a_split_alone(whole: Dataset, tmp_path: Path, assert_whole: Check):
    part = subset(whole, str(tmp_path / "part"), parse_filter(["split=train,test"]))
    assert_whole(part)
    pairs = {pair.pair_id: pair for pair in whole.pairs()}
    assert [pair.pair_id for pair in part.pairs()] == [p.pair_id for p in pairs.values() if p.split != "validation"]
    assert all(pair == pairs[pair.pair_id] for pair in part.pairs())
    assert part.audit_verdict == "none"
    (left_out,) = part.rejects()
    assert pairs[left_out.key].split == "validation"
    assert (left_out.stage, left_out.reason) == ("split", Reason.SURPLUS)


def test_all_conditions_have_to_hold(whole: Dataset, tmp_path: Path):
    part = subset(whole, str(tmp_path / "a"), parse_filter(["split=test", "source=noise", "license=CC0-1.0"]))
    assert {pair.split for pair in part.pairs()} == {"test"}
    with pytest.raises(DatasetError, match="no pair is left"):
        subset(whole, str(tmp_path / "b"), parse_filter(["split=test", "source=elsewhere"]))
    assert not (tmp_path / "b").exists()


def test_the_fakes_of_one_generator(whole: Dataset, tmp_path: Path, assert_whole: Check):
    part = subset(whole, str(tmp_path / "part"), parse_filter(["generator=vae"]), name="vae-only")
    assert_whole(part)
    assert part.header.generators == ["vae"]
    assert part.header.name == "vae-only"
    assert all(set(sample.members) == {"real", "vae"} for sample in part.samples())


def test_a_smaller_limit_is_a_part_of_a_larger_one(whole: Dataset, tmp_path: Path, assert_whole: Check):
    sets = []
    for limit in (2, 4, 100):
        part = subset(whole, str(tmp_path / f"{limit}"), parse_filter([]), limit=limit)
        assert_whole(part)
        sets.append({pair.pair_id for pair in part.pairs()})
    assert [len(ids) for ids in sets] == [2, 4, 9]
    assert sets[0] < sets[1] < sets[2]


def test_tombstones_go_along(whole: Dataset, tmp_path: Path):
    victim = next(whole.pairs()).image
    remove(whole, Tombstones.of([Tombstone(sha256=victim.sha256, key=victim.key)]))
    part = subset(Dataset.open(str(whole.folder)), str(tmp_path / "part"), parse_filter(["split=test"]))
    assert read_tombstones(part.folder).covers(victim)


def test_a_full_folder_is_refused(whole: Dataset, tmp_path: Path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(DatasetError, match="not empty"):
        subset(whole, str(tmp_path / "full"), parse_filter([]))
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("place", ["", "part", "shards/deep/part"])
def test_nothing_is_written_into_a_dataset(whole: Dataset, place: str):
    before = whole.folder.files()
    with pytest.raises(DatasetError, match="which stays as it is"):
        subset(whole, str(Path(whole.folder.root) / place), parse_filter([]))
    assert whole.folder.files() == before


def test_what_a_killed_run_has_left_is_written_again(whole: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def killed(*_: object) -> None:
        raise KilledError

    out = tmp_path / "part"
    with monkeypatch.context() as dying:
        dying.setattr("manifests.assembly.write_rejects", killed)
        dying.setattr(Folder, "remove_all", lambda _: None)
        with pytest.raises(KilledError):
            subset(whole, str(out), parse_filter(["split=train"]))
    assert (out / "shards" / "train-000000.tar").exists()
    assert not (out / "index.json").exists()
    (out / "README.md.partial-0123abcd").write_bytes(b"cut off")
    part = subset(whole, str(out), parse_filter(["split=test"]))
    fresh = subset(whole, str(tmp_path / "fresh"), parse_filter(["split=test"]))
    assert {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()} == {
        path.name: path.read_bytes() for path in Path(fresh.folder.root).rglob("*") if path.is_file()
    }
    with pytest.raises(DatasetError, match="which stays as it is"):
        subset(whole, part.root, parse_filter([]))


def test_an_image_that_is_not_the_manifest_s_is_not_passed_on(whole: Dataset, tmp_path: Path):
    shard = Path(whole.folder.path("shards/train-000000.tar"))
    data = shard.read_bytes()
    at = data.index(b"JFIF")
    shard.write_bytes(data[:at] + b"jfif" + data[at + 4 :])
    with pytest.raises(
        DatasetError, match=r"the \w+ of [0-9a-f]{16}-scene in its shard is missing, or not the manifest's"
    ):
        subset(whole, str(tmp_path / "part"), parse_filter([]))
    assert not (tmp_path / "part").exists()


@pytest.mark.parametrize("expression", ["split", "colour=red", "=train"])
def test_an_expression_without_a_known_field_is_refused(expression: str):
    with pytest.raises(DatasetError, match="the fields being split, view, source, class, license, generator"):
        parse_filter([expression])
