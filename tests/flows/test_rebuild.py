"""From a manifest alone: the same bytes; what is missing is missing whole, and named."""

import hashlib
import http.server
import json
import shutil
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.rebuilding.manifest import rebuild_stages
from flows.rebuilding.outcome import RebuildReport, psnr, write_report
from flows.rebuilding.preparing import Rebuild, prepare
from flows.rebuilding.reals import RealsStage, mapped
from flows.takedown import take_down
from manifests.dataset import Dataset
from manifests.errors import DatasetError, ModelError, RecipeError, TwinsetError
from manifests.storage import Folder
from manifests.subset import parse_filter, subset
from manifests.verify.run import Verification
from manifests.wanted import Wanted

pytestmark = pytest.mark.xdist_group("stages")

Line = dict[str, Any]


def rebuild(manifest: Path, out: Path, **options: Any) -> RebuildReport:
    """What the flow does, in this process."""
    build = prepare(Rebuild(manifest=str(manifest), out=str(out), **options))
    RealsStage(build).retry_unreachable()
    for stage in rebuild_stages(build):
        for index in stage.pending():
            stage.run(index)
        stage.finish()
    return write_report(build)


def lines(manifest: Path) -> list[Line]:
    return [json.loads(line) for line in manifest.read_text().splitlines()]


def write(path: Path, content: list[Line]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in content))
    return path


def shards(dataset: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (dataset / "shards").iterdir()}


def verdicts(report: RebuildReport) -> dict[str, str]:
    return {pair.pair_id: pair.verdict for pair in report.pairs}


class Web:
    """A web server on this machine that has the reals by their digests."""

    def __init__(self, photographs: Path) -> None:
        self.bodies = {}
        for path in photographs.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                self.bodies[f"/{hashlib.sha256(data).hexdigest()}"] = data
        self.asked: Counter[str] = Counter()
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked[self.path] += 1
                body = web.bodies.get(self.path)
                if body is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:  # noqa: ARG002
                return

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def web(scenes: Path) -> Iterator[Web]:
    web = Web(scenes)
    thread = threading.Thread(target=web.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield web
    web.server.shutdown()
    web.server.server_close()
    thread.join()


@pytest.fixture
def published(built: Path, tmp_path: Path) -> Path:
    """The build's manifest alone, its reals at addresses of a web that is not there any more; one chunk."""
    content = lines(built / "dataset" / "manifest.jsonl")
    content[0]["recipe"]["chunks"]["size"] = 100
    for line in content[1:]:
        line["image"]["url"] = f"http://photographs.example/{line['image']['sha256']}"
    return write(tmp_path / "published.jsonl", content)


def test_from_an_archive_the_bytes_are_the_same(built: Path, scenes: Path, tmp_path: Path):
    manifest = built / "dataset" / "manifest.jsonl"
    report = rebuild(manifest, tmp_path / "out", archives=(str(scenes),))
    rebuilt = tmp_path / "out" / "dataset"
    assert set(verdicts(report).values()) == {"identical"}
    assert report.counts["identical"] == len(lines(manifest)) - 1
    assert shards(rebuilt) == shards(built / "dataset")
    assert (rebuilt / "manifest.jsonl").read_bytes() == manifest.read_bytes()
    assert (rebuilt / "rejects.jsonl").read_bytes() == b""
    assert Dataset.open(str(tmp_path / "out")).digest
    assert json.loads((tmp_path / "out" / "rebuild.json").read_text()) == json.loads(report.model_dump_json())


def test_dead_and_changed_addresses_are_missing_and_named(built: Path, published: Path, web: Web, tmp_path: Path):
    keys = sorted({line["image"]["sha256"] for line in lines(published)[1:]})
    dead, changed, refused, private = keys[:3], keys[3:5], keys[5], keys[6]
    for sha256 in dead:
        del web.bodies[f"/{sha256}"]
    for sha256 in changed:
        web.bodies[f"/{sha256}"] = web.bodies[f"/{sha256}"] + b"\0"
    content = lines(published)
    for line in content[1:]:
        if line["image"]["sha256"] == refused:
            line["image"]["url"] = f"file://{tmp_path}/published.jsonl"
        if line["image"]["sha256"] == private:
            line["image"]["url"] = "http://10.0.0.1/secret"
    write(published, content)
    expected = {
        line["pair_id"]: "changed-at-source"
        if line["image"]["sha256"] in changed
        else "gone"
        if line["image"]["sha256"] in (*dead, refused)
        else "unreachable"
        if line["image"]["sha256"] == private
        else "identical"
        for line in content[1:]
    }

    report = rebuild(published, tmp_path / "out", url_map=(f"http://photographs.example={web.url}",))
    assert verdicts(report) == expected
    assert report.counts["gone"] == sum(verdict == "gone" for verdict in expected.values()) > 3
    details = {pair.pair_id: pair.detail for pair in report.pairs}
    assert details[f"{dead[0][:16]}-scene"] == "not-found: HTTP 404"
    assert details[f"{refused[:16]}-scene"] == "not-found: not an http or https URL"
    assert details[f"{private[:16]}-scene"].startswith("private-address: 10.0.0.1 is not on the public internet")
    assert "the manifest says" in details[f"{changed[0][:16]}-scene"]

    dataset = Dataset.open(str(tmp_path / "out"))
    standing = {pair_id for pair_id, verdict in expected.items() if verdict == "identical"}
    assert [pair.pair_id for pair in dataset.pairs()] == [
        line["pair_id"] for line in content[1:] if line["pair_id"] in standing
    ]
    assert {reject.key for reject in dataset.rejects()} == set(expected) - standing
    original = {sample.key: sample for sample in Dataset.open(str(built)).samples()}
    assert all(sample == original[sample.key] for sample in dataset.samples())

    # what has come back is taken by the next run, and nothing is asked for twice
    found = tmp_path / "found"
    found.mkdir()
    for sha256 in (*dead, *changed, refused, private):
        (found / sha256).write_bytes(web_body(built, sha256))
    web.asked.clear()
    assert set(verdicts(rebuild(published, tmp_path / "out", archives=(str(found),))).values()) == {"identical"}
    assert not web.asked
    assert shards(tmp_path / "out" / "dataset") == shards(built / "dataset")


def web_body(built: Path, sha256: str) -> bytes:
    """The real's own bytes, out of the build."""
    from flows.folder import BuildFolder
    from flows.records import StoredImage
    from flows.stages.reals import RealsStage as Built

    store = Built(BuildFolder.open(str(built)))
    return next(
        store.store.read_blob(record.blob) for record in store.records(StoredImage) if record.image.sha256 == sha256
    )


def test_the_archive_may_be_a_zip_and_the_original_shows_how_far_fakes_differ(
    built: Path, scenes: Path, tmp_path: Path
):
    archive = tmp_path / "reals.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as stream:
        for path in sorted(scenes.rglob("*.*")):
            stream.write(path, f"../{path.name}")
    content = lines(built / "dataset" / "manifest.jsonl")
    manifest = tmp_path / "manifest.jsonl"
    near, far = content[1], content[2]
    for line in (near, far):
        line["members"]["vae"]["sha256"] = "0" * 64
    write(manifest, content)
    shutil.copytree(built / "dataset" / "shards", tmp_path / "shards")
    report = rebuild(manifest, tmp_path / "out", archives=(str(archive),))
    outcomes = {pair.pair_id: pair for pair in report.pairs}
    assert report.counts["close"] == 2
    assert outcomes[near["pair_id"]].differing == ("vae",)
    assert outcomes[near["pair_id"]].psnr == 100.0
    assert report.counts["identical"] == len(content) - 3


def test_a_naive_dataset_is_made_again_as_it_was(
    recipe: Callable[..., Path], run_stages: Callable[[Path, Path], Path], scenes: Path, tmp_path: Path
):
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted((scenes / "class2").iterdir())[:3]:
        shutil.copy(path, few)
    path = recipe(photographs=few, extra='\n[alignment]\nmode = "naive"\nnaive = { resize = 48 }\n')
    original = run_stages(path, tmp_path / "original")
    report = rebuild(original / "manifest.jsonl", tmp_path / "out", archives=(str(few),))
    assert set(verdicts(report).values()) == {"identical"}
    assert shards(tmp_path / "out" / "dataset") == shards(original)


def test_where_nothing_is_left_the_reasons_are_told(built: Path, tmp_path: Path):
    manifest = built / "dataset" / "manifest.jsonl"
    pairs = len(lines(manifest)) - 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=rf"no pair could be made again \({pairs} not-found\)"):
        rebuild(manifest, tmp_path / "out", archives=(str(tmp_path / "empty"),))
    assert not (tmp_path / "out" / "dataset").exists()


def test_psnr_is_measured_in_decibels():
    grey = np.full((8, 8, 3), 100, np.uint8)
    assert psnr(grey, grey) == 100.0
    assert psnr(grey, grey + np.uint8(1)) == pytest.approx(48.13, abs=0.01)
    assert psnr(grey, grey + np.uint8(5)) < 45


def test_what_was_taken_down_is_not_made_again(built: Path, scenes: Path, tmp_path: Path):
    manifest = built / "dataset" / "manifest.jsonl"
    real = lines(manifest)[1]["image"]
    tombstones = tmp_path / "tombstones.jsonl"
    write(tombstones, [{"sha256": real["sha256"], "key": real["key"], "reason": "asked"}])
    report = rebuild(manifest, tmp_path / "out", archives=(str(scenes),), tombstones=str(tombstones))
    gone = {key for key, verdict in verdicts(report).items() if verdict == "taken-down"}
    assert gone == {key for key in verdicts(report) if key.startswith(real["key"])}
    assert (tmp_path / "out" / "dataset" / "tombstones.jsonl").exists()
    stored = b"".join(path.read_bytes() for path in (tmp_path / "out" / "work" / "reals").glob("*.tar"))
    assert web_body(built, real["sha256"]) not in stored


@pytest.fixture
def part(built: Path, tmp_path: Path) -> Path:
    """The manifest of a few pairs with reconstructions alone; its recipe's other generator is nowhere."""
    chosen = parse_filter(["generator=vae", "view=patch"])
    dataset = subset(Dataset.open(str(built)), str(tmp_path / "part"), chosen, limit=3)
    content = lines(Path(dataset.root) / "manifest.jsonl")
    content[0]["recipe"]["generators"][0]["model"] = "../no/such/model"
    return write(tmp_path / "part.jsonl", content)


def test_a_part_asks_for_the_models_of_its_own_fakes_alone(part: Path, scenes: Path, tmp_path: Path):
    report = rebuild(part, tmp_path / "out", archives=(str(scenes),))
    assert set(verdicts(report).values()) == {"identical"}
    content = lines(part)
    content[0]["recipe"]["generators"][1]["model"] = "../no/such/model"
    with pytest.raises(ModelError, match=r"no model folder .*such/model"):
        prepare(Rebuild(manifest=str(write(part, content)), out=str(tmp_path / "other"), archives=(str(scenes),)))
    assert not (tmp_path / "other").exists()


def test_what_is_taken_down_from_a_rebuild_stays_away_until_nothing_is_left(
    built: Path, part: Path, scenes: Path, tmp_path: Path
):
    out, archives = tmp_path / "out", (str(scenes),)
    victim, *others = [line["image"] for line in lines(part)[1:]]
    rebuild(part, out, archives=archives)
    done = take_down(str(out), Wanted(frozenset({("ids", victim["key"])})), "asked for")
    # the original, its window, the native fake and two members
    assert (done.images, len(done.pairs), done.erased) == (1, 1, 5)
    tars = [path.read_bytes() for path in out.rglob("*.tar")]
    assert not any(web_body(built, victim["sha256"]) in data for data in tars)
    before = {name: (out / "dataset" / name).read_bytes() for name in ("manifest.jsonl", "tombstones.jsonl")}
    again = rebuild(part, out, archives=archives)
    assert again.counts["taken-down"] == 1
    assert again.counts["identical"] == len(others)
    assert before == {name: (out / "dataset" / name).read_bytes() for name in before}

    take_down(str(out), Wanted(frozenset(("sha256", real["sha256"]) for real in others)))
    for _ in range(2):
        assert rebuild(part, out, archives=archives).counts["taken-down"] == len(others) + 1
        assert not list(Dataset.open(str(out)).pairs())
        assert not list(Verification(Folder.at(str(out / "dataset"))).findings())


def test_a_run_that_was_cut_off_ends_in_the_same_bytes(built: Path, scenes: Path, tmp_path: Path):
    manifest, out = built / "dataset" / "manifest.jsonl", tmp_path / "out"
    build = prepare(Rebuild(manifest=str(manifest), out=str(out), archives=(str(scenes),)))
    for stage in rebuild_stages(build)[:7]:
        for index in stage.pending():
            stage.run(index)
    for stage, name in (("reals", "00001.done.json"), ("frame", "00000.tar"), ("align", "00000.jsonl.zst")):
        (out / "work" / stage / name).unlink()
    (out / "work" / "reals" / "00002.tar").write_bytes(b"half")

    report = rebuild(manifest, out, archives=(str(scenes),))
    assert set(verdicts(report).values()) == {"identical"}
    assert shards(out / "dataset") == shards(built / "dataset")
    assert (out / "dataset" / "manifest.jsonl").read_bytes() == manifest.read_bytes()


Damage = Callable[[list[Line]], object]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda content: content[6]["fakes"]["vae"].update(seed="many"), "line 7: fakes.vae.seed"),
        (lambda content: content[6]["image"].pop("sha256"), "line 7: image.sha256"),
        (lambda content: content[6].update(shard="../../x.tar"), "line 7: shard"),
        (lambda content: content[6]["facts"].update(width=10**6, height=10**6), "line 7: facts.width"),
        (lambda content: content[6]["frame"].update(x=10**6), "line 7: frame.x"),
        (lambda content: content[6]["frame"].update(frame=2**20), "line 7: frame.frame"),
        (lambda content: content[6]["facts"].update(jpeg_tables="ab"), "line 7: facts.jpeg_tables"),
        (lambda content: content[6]["fakes"]["vae"].update(batch_size=10**9), "line 7: fakes.vae.batch_size"),
        (lambda content: content[6]["image"].update(key="0" * 16), "line 7: image.key"),
        (lambda content: content[6]["fakes"].pop("vae"), "line 7: members"),
        (lambda content: content[6]["fakes"].clear(), "line 7: fakes"),
        (lambda content: content[0].update(recipe={"merged": []}), "merged from datasets of several recipes"),
        (lambda content: content.append(content[1]), "stands twice"),
        (lambda content: content.pop(), "its header says"),
        (lambda content: content[0].update(schema_version=99), "schema version 99, this twinset reads up to 1"),
        (lambda content: content[0]["jpeg_tables"].update(ab=[[0] * 64] * 2), "line 1: jpeg_tables.ab"),
    ],
)
def test_a_damaged_manifest_is_refused_before_anything_is_written(
    built: Path, tmp_path: Path, damage: Damage, complaint: str
):
    content = lines(built / "dataset" / "manifest.jsonl")
    damage(content)
    manifest = write(tmp_path / "published.jsonl", content)
    with pytest.raises(DatasetError, match=r"published\.jsonl") as error:
        prepare(Rebuild(manifest=str(manifest), out=str(tmp_path / "out")))
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_bad_input_is_told_in_one_line(built: Path, published: Path, scenes: Path, tmp_path: Path):
    manifest, out = built / "dataset" / "manifest.jsonl", tmp_path / "out"
    archives = (str(scenes),)

    def refused(kind: type[TwinsetError], words: str, path: Path = manifest, **options: Any) -> None:
        with pytest.raises(kind, match=words) as error:
            prepare(Rebuild(manifest=str(path), **{"out": str(out), **options}))
        assert "\n" not in str(error.value)

    refused(DatasetError, "no such manifest", tmp_path / "none.jsonl")
    refused(DatasetError, "a folder", built / "dataset")
    refused(DatasetError, "have no URLs")
    refused(TwinsetError, "--map-url", url_map=("http://a.example=file:///etc",), archives=archives)
    refused(TwinsetError, "no such archive", archives=(str(tmp_path / "none"),))
    refused(DatasetError, "not empty", out=str(built), archives=archives)
    refused(DatasetError, "stays as it is", out=str(built / "dataset" / "again"), archives=archives)
    assert not out.exists()

    content = lines(published)
    content[0]["recipe"]["generators"][0]["model"] = "../no/such/model"
    refused(ModelError, "give --base", write(tmp_path / "other.jsonl", content))
    content[0]["recipe"]["colour"] = "blue"
    refused(RecipeError, "unknown key `colour`", write(tmp_path / "other.jsonl", content))
    prepare(Rebuild(manifest=str(manifest), out=str(out), archives=archives))
    refused(DatasetError, "another manifest", published)


def test_urls_are_mapped_by_their_longest_beginning():
    url_map = [("http://a.example/photos/", "http://b.example/"), ("http://a.example/", "http://c.example/")]
    assert mapped("http://a.example/photos/1.jpg", url_map) == "http://b.example/1.jpg"
    assert mapped("http://a.example/2.jpg", url_map) == "http://c.example/2.jpg"
    assert mapped("http://d.example/3.jpg", url_map) == "http://d.example/3.jpg"
