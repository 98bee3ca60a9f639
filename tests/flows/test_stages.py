"""The stages one after the other: what goes in comes out or is accounted for, and the bytes are always the same."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.counts import is_finished, stage_counts
from flows.folder import BuildFolder
from flows.recipe import load_recipe
from flows.stages.audit import build_stages
from flows.stages.manifest import ManifestStage
from flows.stages.shards import ShardsStage
from manifests import canonical
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.records import Pair
from twinset.commands.report import refresh_report

Recipe = Callable[..., Path]
Run = Callable[[Path, Path], Path]

pytestmark = pytest.mark.xdist_group("stages")


def contents(dataset: Path) -> dict[str, bytes]:
    """The files whose bytes are promised."""
    names = ["manifest.jsonl", "rejects.jsonl", *(f"shards/{path.name}" for path in (dataset / "shards").iterdir())]
    return {name: (dataset / name).read_bytes() for name in names}


def test_every_item_is_forwarded_or_rejected(built: Path):
    counts = stage_counts(BuildFolder.open(str(built)))
    by_name = {count.name: count for count in counts}
    for count in counts:
        assert count.seen == count.forwarded + sum(count.rejected.values()), count.name
    assert by_name["list"].seen == 26
    for left, right in (
        ("list", "reals"),
        ("reals", "screen"),
        ("screen", "select"),
        ("frame", "caption"),
        ("caption", "generate-sd"),
        ("generate-sd", "generate-vae"),
        ("generate-vae", "align"),
        ("align", "split"),
    ):
        assert by_name[right].seen == by_name[left].forwarded, right
    assert by_name["frame"].seen == 2 * by_name["select"].forwarded


def test_manifest_and_rejects_account_for_all_pairs(built: Path):
    dataset = Dataset.open(str(built))
    counts = {count.name: count for count in stage_counts(BuildFolder.open(str(built)))}
    assert len(list(dataset.pairs())) == counts["split"].forwarded
    rejects = Counter((reject.stage, reject.reason) for reject in dataset.rejects())
    expected = Counter[tuple[str, str]]()
    for count in counts.values():
        label = "generate" if count.name.startswith("generate") else count.name
        expected.update({(label, reason): number for reason, number in count.rejected.items()})
    assert rejects == expected
    assert rejects["screen", "truncated"] >= 1
    assert rejects["screen", "not-an-image"] == 1


def test_every_pair_is_whole_in_the_shards(built: Path):
    dataset = Dataset.open(str(built))
    samples = {sample.key: sample for sample in dataset.samples()}
    pairs = list(dataset.pairs())
    assert len(pairs) == len(samples) > 20
    for pair in pairs:
        assert set(samples[pair.pair_id].members) == {"real", *pair.fakes} == set(pair.members)
        assert set(pair.fakes) == ({"sd", "vae"} if pair.frame.view == "scene" else {"vae"})
        assert samples[pair.pair_id].metadata["caption"] == pair.caption.cleaned


def test_header_check_passes(built: Path):
    report = json.loads((built / "dataset" / "reports" / "audit.json").read_text())
    headers = [probe for probe in report["probes"] if probe["name"] == "headers"]
    assert headers
    assert all(probe["verdict"] == "ok" for probe in headers)
    assert report["gate"] == "passed"


def test_a_finished_build_has_nothing_to_do(built: Path):
    assert is_finished(BuildFolder.open(str(built)))


def test_two_builds_have_equal_bytes(built: Path, recipe: Recipe, run_stages: Run, tmp_path: Path):
    dataset = run_stages(recipe(), tmp_path / "again")
    assert contents(dataset) == contents(built / "dataset")


def test_a_damaged_chunk_is_made_again(built: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    before = contents(copy / "dataset")
    (copy / "work" / "align" / "00001.tar").write_bytes(b"")
    (copy / "dataset" / "shards" / next(iter(sorted(p.name for p in (copy / "dataset" / "shards").iterdir())))).unlink()
    build = BuildFolder.open(str(copy))
    assert not is_finished(build)
    done = []
    for stage in build_stages(build):
        for index in stage.pending():
            stage.run(index)
            done.append((stage.name, index))
        stage.finish()
    assert done[0] == ("align", 1)
    assert [name for name, _ in done if name in ("frame", "caption", "generate-sd")] == []
    assert contents(copy / "dataset") == before


def test_a_shard_that_is_written_again_is_vouched_for_by_nothing(built: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    next((copy / "dataset" / "shards").glob("train-scene-*.tar")).unlink()
    build = BuildFolder.open(str(copy))
    shards = ShardsStage(build)
    for index in shards.pending():
        shards.run(index)
    for name in ("manifest.jsonl", "index.json", "index.sha256"):
        assert not (copy / "dataset" / name).exists()
    assert ManifestStage(build).pending() == [0]


def test_what_a_changed_recipe_touches_counts_as_not_done(built: Path, recipe: Recipe, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    path = recipe(replace={"num_inference_steps = 2": "num_inference_steps = 3"})
    build = BuildFolder(load_recipe(path), str(path.parent), str(copy))
    build.claim(redo=True)
    done = {count.name: count.chunks_done for count in stage_counts(build)}
    assert done["caption"] > 0
    # what stands further right is judged once this is made again: it may come out the same
    assert done["generate-sd"] == 0
    assert done["manifest"] == 0


def test_seconds_of_chunks_side_by_side_count_once(built: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    reals = copy / "work" / "reals"
    spans = [(0.0, 10.0), (5.0, 12.0), (6.0, 7.0), (20.0, 21.0)]
    for index, (started, ended) in enumerate(spans):
        (reals / f"{index:05d}.time.json").write_text(json.dumps({"started": started, "ended": ended}))
    counts = {count.name: count for count in stage_counts(BuildFolder.open(str(copy)))}
    assert counts["reals"].chunks == len(spans)
    assert counts["reals"].seconds == 13.0


def test_a_build_that_drops_all_stops(recipe: Recipe, run_stages: Run, tmp_path: Path):
    path = recipe(extra="\n[screen]\nmin_side = 5000\n")
    with pytest.raises(DatasetError, match="no pair is left"):
        run_stages(path, tmp_path / "out")


def test_a_view_may_lose_all_its_pairs(recipe: Recipe, recipe_text: str, run_stages: Run, tmp_path: Path):
    path = recipe(
        replace={
            'generators = ["sd", "vae"]': 'generators = ["vae"]',
            sd_table(recipe_text): "",
            'framing = "patch"\nframe = 64': 'framing = "patch"\nframe = 512',
        }
    )
    dataset = Dataset.open(str(run_stages(path, tmp_path / "out")))
    assert {pair.frame.view for pair in dataset.pairs()} == {"scene"}
    refresh_report(BuildFolder.open(str(tmp_path / "out")))
    assert (tmp_path / "out" / "report.html").exists()


def test_a_build_in_an_object_store(recipe: Recipe, recipe_text: str, built: Path):
    path = recipe(replace={'generators = ["sd", "vae"]': 'generators = ["vae"]', sd_table(recipe_text): ""})
    build = BuildFolder(load_recipe(path), str(path.parent), "memory://set/with blank")
    build.claim()
    for stage in build_stages(build):
        for index in stage.pending():
            stage.run(index)
        stage.finish()
    again = BuildFolder.open("memory://set/with blank/dataset")
    assert is_finished(again)
    local = {pair.pair_id for pair in Dataset.open(str(built)).pairs()}
    assert {pair.pair_id for pair in Dataset.open(str(again.dataset)).pairs()} <= local
    refresh_report(again)
    assert again.folder.size("report.html")


def test_the_report_leaves_out_a_detector_of_another_dataset(built: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    (copy / "detector").mkdir()
    (copy / "detector" / "config.json").write_text('{"dataset_digest": "of an earlier dataset"}')
    (copy / "detector" / "metrics.json").write_text("{}")
    refresh_report(BuildFolder.open(str(copy)))
    assert (copy / "report.html").exists()


def test_another_recipe_is_refused_by_the_key_that_differs(built: Path, recipe: Recipe):
    path = recipe(replace={"num_inference_steps = 2": "num_inference_steps = 3"})
    build = BuildFolder(load_recipe(path), str(path.parent), str(built))
    with pytest.raises(DatasetError, match=r"generators\.0\.num_inference_steps"):
        build.claim()


def test_a_folder_with_something_else_is_refused(recipe: Recipe, tmp_path: Path):
    other = tmp_path / "letters"
    other.mkdir()
    (other / "letter.txt").write_text("dear reader")
    path = recipe()
    with pytest.raises(DatasetError, match="not empty"):
        BuildFolder(load_recipe(path), str(path.parent), str(other)).claim()


def test_naive_alignment_fails_the_header_check(recipe: Recipe, run_stages: Run, tmp_path: Path):
    path = recipe(extra='\n[alignment]\nmode = "naive"\n')
    dataset = Dataset.open(str(run_stages(path, tmp_path / "naive")))
    assert dataset.audit_verdict == "failed"
    report = json.loads((tmp_path / "naive" / "dataset" / "reports" / "audit.json").read_text())
    fields = {name for probe in report["probes"] if probe["name"] == "headers" for name in probe["fields"]}
    assert "format" in fields
    assert {"width", "height"} <= fields
    assert any("quantisation" in field or "tables" in field for field in fields)


def test_class_disjoint_split_is_one_setting(recipe: Recipe, recipe_text: str, run_stages: Run, tmp_path: Path):
    path = recipe(
        replace={
            'group_by = ["pair"]': 'group_by = ["class"]\nratios = { train = 0.4, validation = 0.3, test = 0.3 }',
            'generators = ["sd", "vae"]': 'generators = ["vae"]',
            sd_table(recipe_text): "",
        }
    )
    dataset = Dataset.open(str(run_stages(path, tmp_path / "disjoint")))
    homes: dict[str, set[str]] = {}
    for pair in dataset.pairs():
        homes.setdefault(pair.image.class_label, set()).add(pair.split)
    assert len(homes) == 4
    assert all(len(splits) == 1 for splits in homes.values())


def sd_table(text: str) -> str:
    """The recipe's table of the generator `sd`."""
    start = text.index('[[generators]]\nname = "sd"')
    return text[start : text.index('[[generators]]\nname = "vae"')]


def test_the_manifest_s_lines_are_canonical_though_they_are_put_together_from_bytes(built: Path):
    _, *lines = (built / "dataset" / "manifest.jsonl").read_bytes().splitlines()
    assert lines
    assert [canonical.dumps(Pair.model_validate_json(line)) for line in lines] == lines
