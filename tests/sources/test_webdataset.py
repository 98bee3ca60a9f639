"""WebDataset shards: other people's, img2dataset's, and our own."""

import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from manifests.errors import RejectedItem, SourceError
from manifests.records import Reason
from manifests.shards import Sample, write_shard
from sources.base import Fetched
from sources.webdataset import WebDataset, WebDatasetConfig
from tests.tars import tarred


def put(path: Path, members: Mapping[str, bytes], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tarred(members, mode))
    return path


def shards(path: Path | str, **settings: Any) -> WebDataset:
    return WebDatasetConfig(path=str(path), **settings).open()


def fetched(source: WebDataset, workdir: Path) -> list[Fetched]:
    outcomes = [outcome for _, outcome in source.fetch(list(source.list()), workdir)]
    assert all(isinstance(outcome, Fetched) for outcome in outcomes)
    return [outcome for outcome in outcomes if isinstance(outcome, Fetched)]


def failure(source: WebDataset) -> str:
    with pytest.raises(SourceError) as caught:
        list(source.list())
    assert "\n" not in str(caught.value)
    return str(caught.value)


MEMBERS = {
    "train/a.b/000.jpg": b"first",
    "train/a.b/000.txt": b" a cat \n",
    "train/a.b/000.cls": b"1",
    "train/a.b/001.cls": b"0",
    "train/a.b/001.png": b"second, a PNG",
    "train/a.b/001.txt": "crème".encode(),
    "train/a.b/002.json": b"{}",
    "no-field": b"passed over",
}


@pytest.mark.parametrize(("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz")])
def test_samples_are_the_members_of_one_key(tmp_path: Path, name: str, mode: str):
    put(tmp_path / name, MEMBERS, mode)
    found = fetched(shards(tmp_path / name, caption="txt", label="cls", labels=("dog", "cat")), tmp_path)
    assert [(o.image.source_id, o.image.source_caption, o.image.class_label, o.data) for o in found] == [
        (f"{name}/train/a.b/000.jpg", "a cat", "cat", b"first"),
        (f"{name}/train/a.b/001.png", "crème", "dog", b"second, a PNG"),
    ]


def test_the_key_ends_at_the_first_dot(tmp_path: Path):
    put(tmp_path / "a.tar", {"x.left.jpg": b"l", "x.right.jpg": b"r"})
    assert [o.data for o in fetched(shards(tmp_path / "a.tar", image=("right.jpg",)), tmp_path)] == [b"r"]
    assert "no sample has a field jpg or jpeg or png or webp; there are left.jpg, right.jpg" in failure(
        shards(tmp_path / "a.tar")
    )


def test_shards_are_named_by_patterns_braces_and_folders(tmp_path: Path):
    for number in range(4):
        put(tmp_path / "set" / f"train-{number:06}.tar", {f"{number}.jpg": b"%d" % number})
    (tmp_path / "set" / "notes.txt").write_text("")

    def listed(path: str) -> list[str]:
        return [listing.source_id for listing in shards(tmp_path / path).list()]

    everything = [f"train-{number:06}.tar/{number}.jpg" for number in range(4)]
    assert listed("set") == listed("set/*.tar") == listed("set/train-{000000..000003}.tar") == everything
    assert listed("set/train-{000001,000003}.tar") == [everything[1], everything[3]]
    assert listed("{set,set}/train-000001.tar")[0] == "set/train-000001.tar/1.jpg"
    assert "train-000004.tar: there is nothing" in failure(shards(tmp_path / "set" / "train-{000003..000004}.tar"))
    assert "no file fits the pattern; there are 5 entries" in failure(shards(tmp_path / "set" / "test-*.tar"))


def test_a_folder_that_img2dataset_wrote_is_read(tmp_path: Path):
    members = {}
    for number in range(3):
        said = {"url": f"https://a.example/{number}.jpg", "caption": f"caption {number}", "key": f"00000{number:04}"}
        said |= {"status": "success", "punsafe": 0.25, "sha256": "0" * 64, "error_message": None}
        members[f"00000{number:04}.jpg"] = b"%d" % number
        members[f"00000{number:04}.json"] = json.dumps(said).encode()
        members[f"00000{number:04}.txt"] = said["caption"].encode()
    put(tmp_path / "00000.tar", members)
    (tmp_path / "00000.parquet").write_bytes(b"what failed stands here alone")
    (tmp_path / "00000_stats.json").write_text("{}")
    source = shards(tmp_path, caption="json.caption", url="json.url", scores={"punsafe": "json.punsafe"})
    assert [(o.image.url, o.image.source_caption, o.image.scores) for o in fetched(source, tmp_path)] == [
        (f"https://a.example/{number}.jpg", f"caption {number}", {"punsafe": 0.25}) for number in range(3)
    ]


def test_our_own_shards_are_read_as_pairs(tmp_path: Path):
    samples = [
        Sample(
            f"{number:016x}-scene",
            {"real": b"real %d" % number, "sd": b"sd %d" % number, "vae": b"\x89PNG %d" % number},
            {"caption": f"caption {number}", "class_label": "cat"},
        )
        for number in range(2)
    ]
    with (tmp_path / "train-000000.tar").open("wb") as stream:
        write_shard(stream, samples)
    source = shards(
        tmp_path / "train-000000.tar",
        image=("real.jpg", "real.png"),
        fakes={"sd": ("sd.jpg",), "vae": ("vae.jpg", "vae.png")},
        caption="json.caption",
        label="json.class_label",
    )
    found = fetched(source, tmp_path)
    assert [(o.data, o.image.made.generator if o.image.made else "") for o in found[:3]] == [
        (b"real 0", ""),
        (b"sd 0", "sd"),
        (b"\x89PNG 0", "vae"),
    ]
    assert [o.image.pair for o in found] == [sample.key for sample in samples for _ in range(3)]
    assert {o.image.made.prompt for o in found if o.image.made} == {"caption 0", "caption 1"}
    assert {o.image.class_label for o in found} == {"cat"}


def test_a_set_of_fakes_names_its_generator(tmp_path: Path):
    put(tmp_path / "a.tar", {"a.jpg": b"a", "a.txt": b"a prompt"})
    [fake] = fetched(shards(tmp_path / "a.tar", generator="sdxl", caption="txt"), tmp_path)
    assert fake.image.made is not None
    assert (fake.image.made.generator, fake.image.made.prompt, fake.image.pair) == ("sdxl", "a prompt", "")


def test_only_urls_of_the_web_are_kept(tmp_path: Path):
    put(tmp_path / "a.tar", {"a.jpg": b"a", "a.json": b'{"url": "javascript:alert(1)"}'})
    assert [listing.url for listing in shards(tmp_path / "a.tar", url="json.url").list()] == [""]


def test_names_need_not_be_utf_8(tmp_path: Path):
    put(tmp_path / "a.tar", {"caf\udce9.jpg": b"a"})
    [outcome] = fetched(shards(tmp_path / "a.tar"), tmp_path)
    assert outcome.image.source_id == "a.tar/caf\ufffd.jpg"
    assert outcome.image.model_dump_json()


def test_limits_and_sizes_hold(tmp_path: Path):
    put(tmp_path / "a.tar", {f"{number}.jpg": b"x" * number for number in range(10)})
    assert len(list(shards(tmp_path / "a.tar", limit=3).list())) == 3
    source = shards(tmp_path / "a.tar", max_bytes=8)
    [rejected] = [o for _, o in source.fetch(list(source.list()), tmp_path) if isinstance(o, RejectedItem)]
    assert rejected.reason is Reason.TOO_LARGE


def test_fields_that_no_sample_has_are_named(tmp_path: Path):
    put(tmp_path / "a.tar", {"a.jpg": b"a", "a.json": b'{"text": "x"}'})
    message = failure(shards(tmp_path / "a.tar", caption="json.caption", label="cls"))
    assert "no sample has a field cls or json.caption; there are jpg, json" in message


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"a.jpg": b"a", "a.json": b"{"}, "a.json: not JSON"),
        ({"a.jpg": b"a", "a.json": b" " * 2**21}, "a.json: 2097152 bytes"),
        ({"a.jpg": b"a", "a.json": b'{"c": "x", "s": "high"}'}, "field 'json.s': 'high' is not a number"),
        ({"a.jpg": b"a", "a.json": b'{"c": 7, "s": 1}'}, "field 'json.c': 7 is none of the 2 classes"),
    ],
)
def test_what_a_sample_says_wrong_is_named(tmp_path: Path, members: dict[str, bytes], words: str):
    put(tmp_path / "a.tar", members)
    source = shards(tmp_path / "a.tar", label="json.c", labels=("x", "y"), scores={"s": "json.s"})
    assert words in failure(source)


def test_a_field_that_stands_twice_is_named(tmp_path: Path):
    path = put(tmp_path / "a.tar", {"a.jpg": b"a"})
    with tarfile.open(path, "a") as tar:
        tar.addfile(tarfile.TarInfo("a.jpg"))
    assert "a.jpg: stands twice" in failure(shards(path))


def test_a_shard_that_is_cut_off_is_named(tmp_path: Path):
    path = put(tmp_path / "a.tar", {"a.jpg": b"a" * 2000})
    path.write_bytes(path.read_bytes()[:1024])
    assert "cut off or damaged" in failure(shards(path))


def test_an_image_inside_a_json_is_refused():
    with pytest.raises(ValidationError, match="a member of its own"):
        WebDatasetConfig(path="a.tar", image=("json.image",))


def test_a_class_number_of_many_digits_is_named(tmp_path: Path):
    put(tmp_path / "a.tar", {"0.jpg": b"a", "0.cls": b"9" * 5000})
    assert "0: field 'cls': " in failure(shards(tmp_path / "a.tar", label="cls", labels=("cat",)))


def test_half_a_character_is_named(tmp_path: Path):
    put(tmp_path / "a.tar", {"0.jpg": b"a", "0.json": b'{"caption": "\\ud800"}'})
    assert "holds half of a character" in failure(shards(tmp_path / "a.tar", caption="json.caption"))


def test_a_url_that_is_none_is_left_out(tmp_path: Path):
    put(tmp_path / "a.tar", {"0.jpg": b"a", "0.json": b'{"url": "http://a b\\u001b[2J"}'})
    assert [entry.url for entry in shards(tmp_path / "a.tar", url="json.url").list()] == [""]
