"""Auditing what lies in a folder: ours is read with its recipe's settings and left as it was."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from audit.config import AuditConfig
from audit.embedding import PlainEmbedder
from audit.recaption import NoRecaptioner
from demo.rendering import render
from demo.scenes import random_scene
from flows.audit import audit_target, open_embedder
from flows.recaption import captions_of, open_recaptioner
from flows.recipe import located
from generation.config import BlipCaptions, CaptionConfig, SourceCaptions
from manifests.dataset import Dataset
from manifests.errors import DatasetError, GateError, ModelError
from manifests.records import Encoding
from manifests.shards import read_shard, write_shard
from pixels.decode import decode
from pixels.encode import encode
from twinset.cli import app


@pytest.fixture(scope="session")
def leaking(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build whose fakes were stored again as PNG."""
    copy = tmp_path_factory.mktemp("leaking") / "build"
    shutil.copytree(built, copy)
    for path in (copy / "dataset" / "shards").iterdir():
        with path.open("rb") as stream:
            samples = [replace(sample, members=_as_png(sample.members)) for sample in read_shard(stream, path.name)]
        with path.open("wb") as stream:
            write_shard(stream, samples)
    return copy


def _as_png(members: Mapping[str, bytes]) -> dict[str, bytes]:
    png = Encoding(format="PNG")
    return {name: data if name == "real" else encode(decode(data), png) for name, data in members.items()}


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_build_is_audited_and_not_changed(leaking: Path):
    before = contents(leaking)
    audited = audit_target(str(leaking))
    assert contents(leaking) == before
    assert audited.name == "small"
    assert audited.folder == leaking / "audit"
    assert audited.report.gate == "failed"
    assert {match.generator for match in audited.report.match if match.kind == "image-image"} == {"sd", "vae"}
    again = [probe for probe in audited.report.probes if probe.name == "recaption"]
    assert {(probe.view, probe.generator) for probe in again} == {("scene", "sd"), ("scene", "vae"), ("patch", "vae")}
    assert all("comes back for" in probe.detail and not probe.gate for probe in again)
    assert {match.embedder.split()[-1] for match in audited.report.match if match.kind == "recaption-fake"} == {"blip"}
    name = f"{next(Dataset.open(str(leaking)).pairs()).pair_id}/real"
    (image,) = audited.images([name])
    assert image[0] == name
    assert image[2]


def test_the_command_writes_both_files_and_ends_with_the_gate(leaking: Path, tmp_path: Path):
    result = CliRunner().invoke(app, ["audit", str(leaking / "dataset"), "--out", str(tmp_path / "out"), "--json"])
    assert isinstance(result.exception, GateError)
    assert "headers" in str(result.exception)
    assert "\n" not in str(result.exception)
    stored = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert stored["gate"] == "failed"
    assert json.loads(result.stdout) == stored
    assert "Failed at" in (tmp_path / "out" / "audit.html").read_text()


def test_no_result_is_written_into_a_dataset(built: Path, monkeypatch: pytest.MonkeyPatch):
    dataset = built / "dataset"
    monkeypatch.chdir(dataset / "shards")
    for asked in ({"out": dataset}, {"out": dataset / "reports"}, {"out": Path()}):
        with pytest.raises(DatasetError, match="which stays as it is"):
            audit_target(str(dataset), **asked)


def test_images_from_elsewhere_are_audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for label, quality in (("real", 95), ("fake", 60)):
        (tmp_path / "set" / label).mkdir(parents=True)
        for number in range(24):
            picture = render(random_scene(number + 100 * quality), 64, 64)
            Image.fromarray(picture).save(tmp_path / "set" / label / f"{number}.jpg", quality=quality)
    audited = audit_target("set")
    assert audited.report.kind == "unpaired"
    assert audited.folder == tmp_path / "audit-set"
    (image,) = audited.images(["fake/3.jpg"])
    assert image == ("fake/3.jpg", (tmp_path / "set" / "fake" / "3.jpg").read_bytes(), False)


def test_names_that_foreign_files_have_never_reach_the_terminal_raw(tmp_path: Path):
    # without its build nobody knows where the captioner lies, and a file's name may hold anything
    names = [f"\x1b[2J\x9b31m\u202e{number}.jpg" for number in range(12)]
    for label, kind in (("real", "JPEG"), ("fake", "PNG")):
        (tmp_path / "set" / label).mkdir(parents=True)
        for number, name in enumerate(names):
            picture = render(random_scene(number + 100 * len(label + kind)), 40, 40)
            Image.fromarray(picture).save(tmp_path / "set" / label / name, kind)
        (tmp_path / "set" / label / "\x1b]0;broken\x07.jpg").write_bytes(b"no image")
    for options in ([], ["--json"]):
        result = CliRunner().invoke(app, ["audit", str(tmp_path / "set"), "--out", str(tmp_path / "out"), *options])
        assert isinstance(result.exception, GateError)
        assert str(result.exception).isprintable()
        assert all(line.isprintable() for line in result.output.splitlines())


@pytest.mark.parametrize(
    ("captions", "pairs", "reason"),
    [
        (BlipCaptions(model="nowhere/blip"), 300, "nowhere/blip, is not on this machine"),
        (BlipCaptions(model="../no/such/folder"), 300, "is not on this machine"),
        (BlipCaptions(model="nowhere/blip"), 0, "audit.recaption_pairs is 0"),
        (SourceCaptions(), 300, "'source' come from no model"),
        (captions_of({"merged": []}), 300, "names no captioner"),
        (captions_of({"caption": {"source": "blip", "model": "a/b"}}), 300, "a/b, is not on this machine"),
    ],
)
def test_why_nobody_captions_again(captions: CaptionConfig | None, pairs: int, reason: str):
    found = open_recaptioner(captions, AuditConfig(recaption_pairs=pairs))
    assert isinstance(found, NoRecaptioner)
    assert reason in found.reason


def test_a_broken_captioner_stops_no_audit(tmp_path: Path):
    (tmp_path / "blip").mkdir()
    found = open_recaptioner(BlipCaptions(model=str(tmp_path / "blip")), AuditConfig())
    assert found == NoRecaptioner("the recipe's captioner, blip, cannot be loaded on this machine")


@pytest.mark.parametrize("name", ["nowhere", "x" * 5000, "x/" * 2500])
def test_where_nothing_lies_one_line_says_so(tmp_path: Path, name: str):
    with pytest.raises(DatasetError) as error:
        audit_target(str(tmp_path / name))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_labels_of_our_own_datasets_are_nothing_to_be_named(built: Path):
    with pytest.raises(DatasetError, match="leave it out"):
        audit_target(str(built), label_names=["real=fake"])


def test_match_quality_is_measured_by_the_model_that_the_settings_name(tmp_path: Path):
    assert isinstance(open_embedder(AuditConfig()), PlainEmbedder)
    (tmp_path / "clip").mkdir()
    beside = located(AuditConfig(match_model="clip"), tmp_path)
    assert beside.match_model == str(tmp_path / "clip")
    with pytest.raises(ModelError, match="clip has no weights"):
        open_embedder(beside)
    assert located(AuditConfig(match_model="org/clip"), tmp_path).match_model == "org/clip"
