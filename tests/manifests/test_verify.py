import itertools
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from manifests import canonical
from manifests.accounts import write_accounts, write_rejects
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.files import describe
from manifests.header import Header, ShardInfo
from manifests.index import write_index
from manifests.records import SPLITS, Pair, Reason, Reject, Split
from manifests.shards import Sample, metadata, write_shard
from manifests.splits import split_of
from manifests.storage import Folder
from manifests.tombstones import Tombstone, Tombstones
from manifests.verify.pairs import PairChecks
from manifests.verify.run import Verification, find_dataset

SPLIT = {"group_by": ["pair", "caption", "near-duplicate"], "ratios": {"train": 0.6, "test": 0.4}, "radius": 3}
RECIPE = {
    "name": "little-walls",
    "split": SPLIT,
    "views": [{"name": "scene", "generators": ["painter", "vae"]}],
    "sources": [{"name": "noise", "type": "folder"}],
}

Change = Callable[[Pair], dict[str, Any]]
Write = Callable[..., Folder]


@pytest.fixture
def write(
    tmp_path: Path,
    make_pair: Callable[..., Pair],
    make_header: Callable[..., Header],
    members: Callable[..., dict[str, bytes]],
) -> Write:
    """Write a whole, sealed dataset of ten pairs; arguments say what is wrong with it."""

    def build(
        change: Change = lambda _pair: {},
        *,
        recipe: dict[str, Any] | None = None,
        rejects: Sequence[Reject] = (),
        tombstones: Sequence[Tombstone] = (),
        without: Sequence[str] = (),
        name: str = "set",
    ) -> Folder:
        folder = Folder.at(str(tmp_path / name))
        shards: dict[Split, list[tuple[Pair, dict[str, bytes]]]] = defaultdict(list)
        for number in range(10):
            pair = make_pair(number, caption=f"wall {number}")
            split = split_of(pair.group_id, SPLIT["ratios"], "salt")
            pair = pair.model_copy(update={"split": split, "shard": f"{split}-000000.tar"})
            pair = pair.model_copy(update=change(pair))
            shards[pair.split].append((pair, members(number)))
        infos = []
        for split in (split for split in SPLITS if split in shards):
            infos.append(ShardInfo(name=f"{split}-000000.tar", split=split, view="scene", pairs=len(shards[split])))
            with folder.create(f"shards/{infos[-1].name}") as stream:
                write_shard(stream, [Sample(pair.pair_id, data, metadata(pair)) for pair, data in shards[split]])
        header = make_header(shards=infos, recipe=recipe or RECIPE)
        if tombstones:
            Tombstones.of(tombstones).write(folder)
        write_rejects(folder, [Reject(key="1" * 16, stage="screen", reason=Reason.BLANK), *rejects])
        digests = {f"shards/{info.name}": describe(folder, f"shards/{info.name}").sha256 for info in infos}
        pairs = [pair for info in infos for pair, _ in shards[info.split]]
        with_singles = any(pair.is_single for pair in pairs)
        write_accounts(folder, header, map(canonical.dumps, pairs), digests, with_singles=with_singles)
        for file in without:
            folder.remove(file)
        seal(folder)
        return folder

    return build


def seal(folder: Folder) -> None:
    """Write an index that agrees with the files, whatever they hold."""
    counts = {name: folder.read(name).count(b"\n") for name in ("manifest.jsonl", "rejects.jsonl")}
    header = json.loads(folder.read("manifest.jsonl").splitlines()[0])
    counts |= {f"shards/{shard['name']}": shard["pairs"] for shard in header.get("shards", [])}
    write_index(folder, "passed", counts)


def findings(folder: Folder) -> list[str]:
    return [str(finding) for finding in Verification(folder).findings()]


def test_a_whole_dataset_has_no_findings_and_all_of_it_was_read(write: Write):
    folder = write()
    sizes: list[int] = []
    verification = Verification(find_dataset(str(folder)), on_file=sizes.append)
    assert list(verification.findings()) == []
    files = [name for name in folder.files() if name not in ("index.json", "index.sha256")]
    assert sum(sizes) == sum(folder.size(name) or 0 for name in files)
    shards = len(Dataset.open(str(folder)).header.shards)
    assert verification.counts == Counter(
        pairs=10, images=30, reals=10, groups=10, rejects=1, shards=shards, files=len(files), bytes=sum(sizes)
    )


def test_a_folder_that_is_not_local_is_verified_too(write: Write, tmp_path: Path):
    local, remote = write(), Folder.at(f"memory://{tmp_path.name}")
    for name in local.files():
        remote.write(f"dataset/{name}", local.read(name))
    remote.write("dataset/README.md", b"another card")
    folder = find_dataset(str(remote))
    assert findings(folder) == [f"README.md: 12 bytes, the index says {local.size('README.md')}"]
    remote.remove_all()


def _flips(folder: Folder, count: int, rng: random.Random) -> Iterator[tuple[str, int, int]]:
    """Half of the flips by file, so that small files are hit as well, half by byte."""
    names = folder.files()
    sizes = [folder.size(name) or 0 for name in names]
    for number in range(count):
        weights = None if number % 2 else sizes
        ((name, size),) = rng.choices(list(zip(names, sizes, strict=True)), weights)
        yield name, rng.randrange(size), rng.randrange(1, 256)


def test_every_single_changed_byte_is_found(write: Write):
    folder = write()
    hit: Counter[str] = Counter()
    for name, position, mask in _flips(folder, 200, random.Random(7)):
        whole = folder.read(name)
        damaged = bytearray(whole)
        damaged[position] ^= mask
        Path(folder.path(name)).write_bytes(damaged)
        found = next(Verification(folder).findings(), None)
        assert found is not None, f"{name}, byte {position}"
        assert found.file.startswith(("index.", name))
        Path(folder.path(name)).write_bytes(whole)
        hit[name] += 1
    assert set(hit) == set(folder.files())
    assert findings(folder) == []


def test_a_changed_member_is_named_even_where_the_index_was_made_to_agree(write: Write):
    folder = write()
    dataset = Dataset.open(str(folder))
    name, sample, pair = dataset.shards()[0], next(dataset.samples()), next(dataset.pairs())
    picture = sample.members["painter"]
    folder.write(name, folder.read(name).replace(picture, picture[:-3] + b"?" + picture[-2:], 1))
    complaint = f"{name}, {sample.key}.painter: its sha256 is not the manifest's {pair.members['painter'].sha256}"
    assert [text for text in findings(folder) if "not the index's" not in text] == [complaint]
    seal(folder)
    assert complaint in findings(folder)


def test_missing_and_additional_files_are_named(write: Write):
    folder = write()
    shard = Dataset.open(str(folder)).shards()[0]
    folder.remove(shard)
    folder.write("notes.txt", b"mine")
    found = findings(folder)
    assert f"{shard}: missing; the index names it" in found
    assert "notes.txt: the index does not name it" in found
    assert any(text.startswith(f"{shard}: missing; the manifest places") for text in found)


@pytest.mark.parametrize(
    "name", ["index.json", "index.sha256", "rejects.jsonl", "ATTRIBUTION.csv", "manifest.parquet", "croissant.json"]
)
def test_a_file_that_has_to_be_there_is_missed(write: Write, name: str):
    folder = write()
    folder.remove(name)
    if not name.startswith("index"):
        folder.write("rejects.jsonl", folder.read("rejects.jsonl") if name != "rejects.jsonl" else b"")
        folder.remove(name)
    assert any(text.startswith(f"{name}: missing") for text in findings(folder))


def _edited(folder: Folder, line: int, edit: Callable[[dict[str, Any]], None]) -> None:
    lines = folder.read("manifest.jsonl").splitlines()
    record = json.loads(lines[line - 1])
    edit(record)
    lines[line - 1] = canonical.dumps(record)
    folder.write("manifest.jsonl", b"".join(text + b"\n" for text in lines))
    seal(folder)


def test_all_damaged_lines_are_named_by_line_and_field(write: Write):
    folder = write()

    def damage(record: dict[str, Any]) -> None:
        record["fakes"]["vae"]["seed"] = "seven"
        record["frame"]["side"] = -1

    _edited(folder, 7, damage)
    _edited(folder, 3, lambda record: record.update(colour="red"))
    found = [text for text in findings(folder) if text.startswith("manifest.jsonl")]
    assert found == [
        "manifest.jsonl, line 3: colour: Extra inputs are not permitted",
        "manifest.jsonl, line 7: frame.side: Input should be greater than 0",
        "manifest.jsonl, line 7: fakes.vae.seed: Input should be a valid integer, unable to parse string as an integer",
    ]


def test_a_newer_schema_version_is_refused_by_its_number(write: Write):
    folder = write()
    _edited(folder, 1, lambda header: header.update(schema_version=9, colour="red"))
    assert findings(folder) == [
        "manifest.jsonl, line 1: schema version 9, this twinset reads up to 1. Install a newer twinset."
    ]


def test_no_dataset_is_one_clear_line(tmp_path: Path):
    with pytest.raises(DatasetError, match=r"no dataset here \(manifest.jsonl is missing\)"):
        find_dataset(str(tmp_path))


def _first(**changes: Any) -> Change:
    """Change the first pair only."""
    numbers = itertools.count()
    return lambda _pair: changes if next(numbers) == 0 else {}


def _only(texts: list[str], words: str) -> list[str]:
    return [text for text in texts if words in text]


def test_splits_are_recomputed_from_salt_and_groups(write: Write):
    def swapped(pair: Pair) -> dict[str, Any]:
        split: Split = "test" if pair.split == "train" else "train"
        return {"split": split, "shard": f"{split}-000000.tar"}

    found = findings(write(swapped))
    assert len(_only(found, "but salt and group")) == len(found) == 10


def test_groups_never_stand_in_two_splits(write: Write):
    assert _only(findings(write(lambda _pair: {"group_id": "pair:one"})), "but group 'pair:one' is in")
    recipe = RECIPE | {"split": SPLIT | {"method": "exact", "counts": {"train": 5, "test": 5}}}
    found = findings(
        write(lambda pair: {"caption": pair.caption.model_copy(update={"cleaned": "a wall"})}, recipe=recipe, name="b")
    )
    assert found
    assert len(_only(found, "but caption 'a wall' is in")) == len(found)
    found = findings(write(lambda pair: {"facts": pair.facts.model_copy(update={"phash": "0" * 16})}, name="c"))
    assert found
    assert len(_only(found, "but the image looks like")) == len(found)


def test_a_group_that_is_not_the_pairs_own_is_named(write: Write, make_pair: Callable[..., Pair]):
    own = make_pair(0).group_id
    split = split_of(own, SPLIT["ratios"], "salt")
    other = next(name for name in map(str, range(99)) if split_of(name, SPLIT["ratios"], "salt") == split)
    found = findings(write(_first(group_id=other)))
    assert len(found) == 1
    assert found[0].endswith(f"group_id: {other!r}, expected {own!r}")


def test_pairs_are_whole(write: Write, make_pair: Callable[..., Pair]):
    pair = make_pair(0)
    found = findings(write(_first(fakes={"vae": pair.fakes["vae"]})))
    assert _only(found, "fakes: vae, expected painter, vae")
    assert _only(found, "members: painter, real, vae, expected real, vae")
    found = findings(write(_first(pair_id=pair.pair_id.replace("scene", "patch")), name="b"))
    assert _only(found, f"expected {pair.pair_id}")


@pytest.fixture
def found_alone(
    make_pair: Callable[..., Pair], make_single: Callable[..., Pair], make_header: Callable[..., Header]
) -> Callable[..., list[str]]:
    """What is said of an image that stands alone, of which `fakes` were made, in a view of some generators."""

    def found(generators: list[str], fakes: set[str], **image: Any) -> list[str]:
        recipe = RECIPE | {"views": [{"name": "alone", "framing": "single", "generators": generators}]}
        shards = [ShardInfo(name="train-000000.tar", split="train", view="alone", pairs=1)]
        header = make_header(shards=shards, recipe=recipe, views=["alone"])
        made = {name: make_pair(0).fakes[name] for name in fakes}
        pair = make_single(0, **image).model_copy(update={"fakes": made})
        return [finding.text for finding in PairChecks(header).check(pair, 2)]

    return found


def test_only_prompts_are_generated_where_images_stand_alone(found_alone: Callable[..., list[str]]):
    assert found_alone([], set()) == found_alone(["vae"], {"vae"}, variant="prompt") == []
    assert found_alone([], {"vae"}) == [
        "fakes: vae, expected none",
        "fakes: vae, but only what stands for a prompt is generated",
    ]
    assert found_alone(["vae"], set(), variant="prompt")[0] == "fakes: none, expected vae"


def test_a_pair_that_stands_twice_is_named(write: Write):
    folder = write()
    lines = folder.read("manifest.jsonl").splitlines(keepends=True)
    folder.write("manifest.jsonl", b"".join([*lines, lines[-1]]))
    seal(folder)
    found = findings(folder)
    assert _only(found, "line 12: pair_id:")
    assert _only(found, "pairs in the manifest, its header says")
    assert _only(found, "manifest.parquet: 10 rows, the manifest has 11 pairs")


def test_what_was_dropped_or_taken_down_is_not_used(write: Write, make_pair: Callable[..., Pair]):
    real = make_pair(4).image
    rejects = [Reject(key=real.key, stage="screen", reason=Reason.BLANK)]
    (found,) = findings(write(rejects=rejects))
    assert found == f"rejects.jsonl, line 2: key: {real.key} was dropped (blank), but is in the manifest"
    # another copy of bytes that are used
    assert findings(write(rejects=[rejects[0].model_copy(update={"reason": Reason.DUPLICATE})], name="b")) == []
    (found,) = findings(write(tombstones=[Tombstone(sha256=real.sha256, key=real.key)], name="c"))
    assert f"image.sha256: {real.sha256} was taken down" in found


def test_who_has_to_be_named_is_named(write: Write):
    recipe = RECIPE | {"sources": [{"name": "noise", "type": "open-images"}]}
    found = findings(write(recipe=recipe))
    assert len(_only(found, "image.author: empty, but source noise asks that it be given")) == len(found) == 10


@pytest.mark.parametrize("license_name", ["https://creativecommons.org/licenses/by/2.0/", "CC BY-SA 4.0", "cc-by-4.0"])
def test_a_licence_that_asks_for_a_name_gets_one_or_a_place_that_tells_it(write: Write, license_name: str):
    def licensed(**more: str) -> Change:
        return lambda pair: {"image": pair.image.model_copy(update={"license": license_name, **more})}

    assert len(_only(findings(write(licensed())), "asks for a name")) == 10
    assert findings(write(licensed(author="Ada"), name="b")) == []
    assert findings(write(licensed(landing_url="https://example.org/1"), name="c")) == []


def test_everybody_is_listed_once(write: Write):
    folder = write()
    rows = folder.read("ATTRIBUTION.csv").splitlines(keepends=True)
    key = rows[1].split(b",")[0].decode().strip('"')
    stranger = rows[1].replace(key.encode(), b"f" * 16)
    renamed = rows[1].replace(b'"noise"', b'"another"')
    for changed, text in (
        ([rows[0], *rows[2:]], "missing; the manifest uses this image"),
        ([*rows, rows[1]], "listed 2 times, expected once"),
        ([*rows, stranger], "the manifest uses no such image"),
        ([rows[0], renamed, *rows[2:]], "not what the manifest says of this image"),
        ([rows[0].replace(b"author", b"who"), *rows[1:]], "(its first line names other columns)"),
    ):
        folder.write("ATTRIBUTION.csv", b"".join(changed))
        seal(folder)
        (found,) = findings(folder)
        assert found.endswith(text)


def test_counts_of_the_index_are_checked(write: Write):
    folder = write()
    index = json.loads(folder.read("index.json"))
    write_index(folder, "passed", {"manifest.jsonl": 12})
    found = findings(folder)
    assert "index.json, manifest.jsonl: count: 12, expected 11" in found
    assert len(found) == 1 + sum(name.startswith("shards/") for name in index["files"])


def test_findings_never_hold_what_a_terminal_would_obey(write: Write):
    folder = write(_first(shard="train-000000.tar", group_id="\x1b[2Jgone"))
    found = findings(folder)
    assert found
    assert all(text.isprintable() for text in found)


def test_a_part_of_a_dataset_has_fewer_generators_than_its_recipe(write: Write):
    views = [{"name": "scene", "generators": ["painter", "vae", "another"]}]
    assert findings(write(recipe=RECIPE | {"views": views})) == []


def test_a_merged_dataset_has_the_views_and_sources_of_its_parts(write: Write):
    parts = [
        {"name": "a", "recipe": {"views": [{"name": "patch", "generators": ["vae"]}]}},
        {"name": "b", "recipe": RECIPE},
    ]
    assert findings(write(recipe={"merged": parts})) == []
    named = RECIPE | {"sources": [{"name": "noise", "type": "open-images"}]}
    found = findings(
        write(recipe={"merged": [parts[0], {"name": "b", "recipe": {"merged": [{"recipe": named}]}}]}, name="b")
    )
    assert len(_only(found, "image.author: empty")) == 10
