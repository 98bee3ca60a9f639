"""Publishing into folders and object stores: what is not open goes without pixels, and a rebuild completes it."""

import csv
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.publish import Publication, publish_dataset
from flows.rebuilding.manifest import rebuild_stages
from flows.rebuilding.outcome import write_report
from flows.rebuilding.preparing import Rebuild, prepare
from flows.takedown import take_down
from manifests import storage
from manifests.dataset import Dataset
from manifests.errors import DatasetError, GateError, TwinsetError
from manifests.index import write_index
from manifests.storage import Folder
from manifests.terms import is_open
from manifests.verify.run import Verification
from manifests.wanted import Wanted
from tests.flows.publishing_sets import contents, first_chunk, third_is_closed, with_terms

pytestmark = pytest.mark.xdist_group("stages")


class KilledError(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def mixed(built: Path, tmp_path: Path) -> Path:
    """A dataset of which some reals are open."""
    return with_terms(built, tmp_path / "mixed", third_is_closed)


@pytest.fixture
def opened(built: Path, tmp_path: Path) -> Path:
    """A dataset all of whose images are open."""
    return with_terms(built, tmp_path / "opened", lambda _image: "open")


def publish(dataset: Path, target: Path | str, **options: Any) -> Publication:
    return publish_dataset(str(dataset), str(target), **options)


def findings(folder: Path | str) -> list[str]:
    return [str(finding) for finding in Verification(Folder.at(str(folder))).findings()]


def test_an_open_dataset_is_published_whole(opened: Path, tmp_path: Path):
    done = publish(opened, tmp_path / "out")
    before, after = contents(opened), contents(tmp_path / "out")
    assert findings(tmp_path / "out") == []
    assert done.withheld == {}
    same = {name for name in after if after[name] == before.get(name)}
    assert same == set(after) - {"README.md", "index.json", "index.sha256"}
    # times and errors of the build are nobody's business
    assert set(before) - set(after) == {"provenance.parquet"}
    assert b"## Audit\n\n**passed**, on " in after["README.md"]
    assert not (tmp_path / "opened.publishing").exists()


def test_what_is_not_open_goes_without_its_pixels(mixed: Path, tmp_path: Path):
    done = publish(mixed, tmp_path / "out")
    whole, open_part = Dataset.open(str(mixed)), Dataset.open(str(tmp_path / "out"))
    kept = [pair.pair_id for pair in whole.pairs() if is_open(pair)]
    closed = [pair for pair in whole.pairs() if not is_open(pair)]
    assert kept
    assert set(done.withheld) == {"research-only", "unknown"}
    assert sum(done.withheld.values()) == len(closed)
    assert [pair.pair_id for pair in open_part.pairs()] == kept == [sample.key for sample in open_part.samples()]
    assert findings(tmp_path / "out") == []
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out" / "withheld.csv").read_text())))
    assert [row["pair_id"] for row in rows] == [pair.pair_id for pair in closed]
    assert [row["sha256"] for row in rows] == [pair.image.sha256 for pair in closed]
    # not one byte of a withheld member is in what was published, not in a page either
    published = b"".join(contents(tmp_path / "out").values())
    for pair, sample in ((pair, sample) for pair, sample in zip(whole.pairs(), whole.samples(), strict=True)):
        assert is_open(pair) == any(data in published for data in sample.members.values())


def test_a_rebuild_completes_what_was_withheld(built: Path, scenes: Path, tmp_path: Path):
    mixed = with_terms(first_chunk(built, tmp_path / "small", 8), tmp_path / "mixed", third_is_closed)
    assert publish(mixed, tmp_path / "out").withheld
    asked = Rebuild(
        manifest=str(tmp_path / "out" / "complete.jsonl"), out=str(tmp_path / "rebuilt"), archives=(str(scenes),)
    )
    build = prepare(asked)
    for stage in rebuild_stages(build)[:-1]:  # without the audit
        for index in stage.pending():
            stage.run(index)
        stage.finish()
    report = write_report(build)
    assert report.counts["identical"] == len(report.pairs)
    before, after = contents(mixed), contents(tmp_path / "rebuilt" / "dataset")
    names = [name for name in before if name.startswith("shards/") or name == "manifest.jsonl"]
    assert {name: after[name] for name in names} == {name: before[name] for name in names}


def test_a_dataset_of_which_nothing_is_open_is_published_as_a_list(built: Path, tmp_path: Path):
    import datasets

    closed = with_terms(built, tmp_path / "closed", lambda _image: "unknown")
    done = publish(closed, tmp_path / "out")
    assert done.pairs == 0
    assert findings(tmp_path / "out") == []
    assert not list((tmp_path / "out").rglob("*.tar"))
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].num_rows == sum(done.withheld.values())
    assert "sha256" in loaded["train"].column_names


def test_images_do_not_say_what_made_them(built: Path):
    words = (
        b"trainedAlgorithmic",
        b"digitalsourcetype",
        b"c2pa",
        b"adobe.com",
        b"Exif",
        b"stable-diffusion",
        b"vae",
        b"prompt",
    )
    for sample in Dataset.open(str(built)).samples():
        for data in sample.members.values():
            assert not [word for word in words if word.lower() in data[:2048].lower()]
            assert data[:2] == b"\xff\xd8"
            # a JPEG's own segments alone: no application segment but JFIF's, and no comment
            assert {data[at : at + 2] for at in segments(data)} <= {
                b"\xff\xe0", b"\xff\xdb", b"\xff\xc0", b"\xff\xc4", b"\xff\xda",
            }  # fmt: skip


def segments(data: bytes) -> Iterator[int]:
    """Where the segments of a JPEG begin, up to its scan."""
    at = 2
    while True:
        yield at
        if data[at + 1] == 0xDA:
            return
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def test_generated_members_are_declared_in_table_and_card(built: Path):
    import pyarrow.parquet as pq

    folder = built / "dataset"
    rows = pq.read_table(folder / "manifest.parquet", columns=["generators", "digital_source_types"]).to_pylist()
    assert {len(row["generators"].split(",")) for row in rows} == {1, 2}
    for row in rows:
        assert row["digital_source_types"] == ",".join("trainedAlgorithmicMedia" for _ in row["generators"].split(","))
    assert "trainedAlgorithmicMedia" in (folder / "README.md").read_text()
    assert "digitalsourcetype/trainedAlgorithmicMedia" in (folder / "croissant.json").read_text()
    assert "trainedAlgorithmicMedia" not in (folder / "manifest.jsonl").read_text()


def test_the_command_tells_what_was_published_and_how_to_complete_it(mixed: Path, tmp_path: Path):
    from typer.testing import CliRunner

    from twinset.cli import app

    done = CliRunner().invoke(app, ["publish", str(mixed), str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "pairs without pixels (research-only)" in done.output
    assert "`twinset rebuild complete.jsonl --out DIR` makes them again" in done.output
    again = CliRunner().invoke(app, ["publish", str(mixed), str(tmp_path / "out"), "--json"])
    assert Publication.model_validate_json(again.stdout).written == 0


def test_datasets_reads_what_was_published(mixed: Path, tmp_path: Path):
    import datasets

    publish(mixed, tmp_path / "out")
    dataset = Dataset.open(str(tmp_path / "out"))
    for view in {shard.view for shard in dataset.header.shards}:
        loaded = datasets.load_dataset(str(tmp_path / "out"), view, cache_dir=str(tmp_path / "cache"))
        counted = {split: table.num_rows for split, table in loaded.items()}
        expected = {shard.split: 0 for shard in dataset.header.shards if shard.view == view}
        for shard in dataset.header.shards:
            if shard.view == view:
                expected[shard.split] += shard.pairs
        assert counted == expected


def test_a_failed_audit_is_published_by_force_alone_and_says_so(built: Path, tmp_path: Path):
    failed = with_terms(built, tmp_path / "failed", lambda _image: "open", verdict="failed")
    with pytest.raises(GateError, match=r"its audit failed .* --force"):
        publish(failed, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    publish(failed, tmp_path / "out", force=True)
    assert Dataset.open(str(tmp_path / "out")).audit_verdict == "failed"
    assert "**failed**" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize("at", [1, 4, 9, 14])
def test_killed_at_any_write_and_run_again_it_ends_the_same(
    mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
):
    publish(mixed, tmp_path / "expected")
    kept: Callable[..., Any] = os.replace
    count = 0

    def killing(*paths: str) -> None:
        nonlocal count
        count += "out/" in paths[1]
        if count == at:
            raise KilledError
        kept(*paths)

    monkeypatch.setattr(storage.os, "replace", killing)
    with pytest.raises(KilledError):
        publish(mixed, tmp_path / "out")
    monkeypatch.setattr(storage.os, "replace", kept)
    assert not (tmp_path / "out" / "index.json").exists()
    publish(mixed, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "expected")


def test_a_second_publication_writes_what_has_changed(mixed: Path, opened: Path, tmp_path: Path):
    out = tmp_path / "out"
    publish(opened, out)
    assert publish(opened, out).written == 0
    damaged = next((out / "shards").iterdir())
    damaged.write_bytes(b"cut off")
    assert publish(opened, out).written == 1 + 2  # the shard, and the index
    publish(mixed, out)
    assert findings(out) == []
    publish(mixed, tmp_path / "other")
    assert contents(out) == contents(tmp_path / "other")


@pytest.mark.parametrize("whole", [True, False])
def test_what_a_killed_publication_has_left_does_not_outlive_the_next_one(
    mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
):
    """Images may have been taken down in between: neither the staging folder nor the target may go on holding them."""
    out, kept, shard = tmp_path / "out", os.replace, ""

    def killing(source: str, target: str) -> None:
        nonlocal shard
        if "out/shards/" not in target:
            kept(source, target)
            return
        shard = target
        if whole:
            kept(source, target)
        else:
            monkeypatch.setattr(storage.os, "unlink", lambda _path: None)  # nothing is tidied up by who is killed
        raise KilledError

    monkeypatch.setattr(storage.os, "replace", killing)
    with pytest.raises(KilledError):
        publish(mixed, out)
    monkeypatch.undo()
    dataset = Dataset.open(str(mixed))
    gone = [pair.image.sha256 for pair in dataset.pairs() if pair.shard == Path(shard).name]
    take_down(str(mixed), Wanted(frozenset(("sha256", sha256) for sha256 in gone)))
    assert not (tmp_path / "mixed.publishing").exists()
    publish(mixed, out)
    publish(mixed, tmp_path / "other")
    left = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert left == set(contents(tmp_path / "other"))
    assert not (tmp_path / "mixed.publishing").exists()


def test_what_was_published_can_be_published_further(mixed: Path, tmp_path: Path):
    publish(mixed, tmp_path / "out")
    publish(tmp_path / "out", tmp_path / "further")
    assert contents(tmp_path / "further") == contents(tmp_path / "out")


def test_a_table_of_an_older_version_is_written_again(opened: Path, tmp_path: Path):
    table = pq.read_table(opened / "manifest.parquet")
    pq.write_table(table.drop_columns(["terms", "digital_source_types"]), opened / "manifest.parquet")
    dataset = Dataset.open(str(opened))
    write_index(dataset.folder, "passed", dataset.record_counts())
    publish(opened, tmp_path / "out")
    # the columns that croissant.json names
    assert pq.read_schema(tmp_path / "out" / "manifest.parquet").names == table.schema.names
    assert findings(tmp_path / "out") == []


def test_a_damaged_shard_is_not_published(opened: Path, tmp_path: Path):
    damaged = max((opened / "shards").iterdir())
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(DatasetError, match="its sha256 is not the index's"):
        publish(opened, tmp_path / "out")
    assert not (tmp_path / "out" / "index.json").exists()
    assert not (tmp_path / "out" / "shards" / damaged.name).exists()


@pytest.mark.parametrize(
    "url",
    [
        "https://user:letmein@photographs.example/1.jpg",
        "https://photographs.example/1.jpg?X-Amz-Signature=0123",
        f"https://photographs.example/hf_{'a' * 34}",
        "https://photographs.example/?t=only-in-the-environment",
    ],
)
def test_a_secret_in_a_manifest_is_refused(built: Path, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_TOKEN", "only-in-the-environment")
    dataset = with_terms(built, tmp_path / "set", lambda _image: "open", landing_url=url)
    with pytest.raises(DatasetError, match=r"line \d+: holds what looks like a token") as caught:
        publish(dataset, tmp_path / "out")
    assert "letmein" not in str(caught.value)
    assert "only-in-the-environment" not in str(caught.value)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "set.publishing").exists()


def test_a_secret_in_a_page_is_refused(opened: Path, tmp_path: Path):
    (opened / "reports" / "pairs.html").write_text(f"<p>hf_{'a' * 34}</p>")
    dataset = Dataset.open(str(opened))
    write_index(dataset.folder, "passed", dataset.record_counts())
    with pytest.raises(DatasetError, match=r"pairs.html, line 1: holds what looks like a token"):
        publish(opened, tmp_path / "out")


def test_bad_targets_are_told_in_one_line(opened: Path, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("words")
    for target, words in (
        (tmp_path / "mine", "not empty, and no dataset was published there"),
        (opened / "inside", "inside the dataset itself"),
        ("s3://key:secret@bucket/set", "a password in an address"),
        ("nothing://there", "cannot be opened"),
    ):
        with pytest.raises(TwinsetError, match=words) as caught:
            publish(opened, target)
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)
    assert contents(tmp_path / "mine") == {"thesis.txt": b"words"}
    (opened / "index.json").unlink()
    with pytest.raises(DatasetError, match="not finished"):
        publish(opened, tmp_path / "out")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of an S3 server on the loopback address."""
    import boto3
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never-told-to-anybody")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    boto3.client("s3").create_bucket(Bucket="sets")
    s3fs.S3FileSystem.clear_instance_cache()
    yield "s3://sets"
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_an_object_store_gets_what_a_folder_gets(
    bucket: str, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    publish(mixed, tmp_path / "out")
    put: Callable[..., Any] = storage._put
    left = 5

    def failing(fs: Any, path: str) -> Any:
        nonlocal left
        left -= 1
        if not left:
            raise KilledError
        return put(fs, path)

    monkeypatch.setattr(storage, "_put", failing)
    with pytest.raises(KilledError):
        publish(mixed, f"{bucket}/there")
    monkeypatch.setattr(storage, "_put", put)
    publish(mixed, f"{bucket}/there")
    there = Folder.at(f"{bucket}/there")
    assert {name: there.read(name) for name in there.files()} == contents(tmp_path / "out")
    assert publish(mixed, f"{bucket}/there").written == 0
    assert findings(f"{bucket}/there") == []
