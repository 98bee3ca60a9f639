"""Taking images down from a build: the direct way and the build's own way end in the same bytes."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.counts import is_finished, stage_counts
from flows.folder import BuildFolder
from flows.stages.audit import build_stages
from flows.takedown import take_down
from flows.verify import check_build
from manifests.dataset import Dataset
from manifests.errors import DatasetError
from manifests.records import Reason
from manifests.verify.run import Verification
from manifests.wanted import Kind, Wanted, read_wanted

Recipe = Callable[..., Path]
Run = Callable[[Path, Path], Path]

pytestmark = pytest.mark.xdist_group("stages")


def contents(dataset: Path) -> dict[str, bytes]:
    """All files but those that say when, or what an audit found."""
    paths = (path for path in dataset.rglob("*") if path.is_file())
    named = {str(path.relative_to(dataset)): path.read_bytes() for path in paths}
    untold = ("index.json", "index.sha256", "provenance.parquet", "reports/audit.json")
    return {name: data for name, data in named.items() if name not in untold}


def wanted(*entries: tuple[Kind, str]) -> Wanted:
    return Wanted(frozenset(entries))


def finish(build: BuildFolder) -> None:
    for stage in build_stages(build):
        for index in stage.pending():
            stage.run(index)
        stage.finish()


def test_the_build_again_gives_what_the_takedown_gave(built: Path, tmp_path: Path):
    pairs = list(Dataset.open(str(built)).pairs())
    victims = [pairs[0], pairs[-1]]
    asked = wanted(("ids", victims[0].image.source_id), ("ids", victims[1].image.key))
    shutil.copytree(built / "dataset", tmp_path / "bare")
    shutil.copytree(built, tmp_path / "build")
    pages = [tmp_path / "build" / page for page in ("report.html", "audit/audit.html")]
    for page in pages:
        page.parent.mkdir(exist_ok=True)
        page.write_text("it shows images")
    bare = take_down(str(tmp_path / "bare"), asked, "asked for")
    done = take_down(str(tmp_path / "build"), asked, "asked for")
    assert [pair.pair_id for pair in done.pairs] == [pair.pair_id for pair in bare.pairs]
    assert {pair.image.key for pair in done.pairs} == {victim.image.key for victim in victims}
    assert done.images == 2
    assert contents(tmp_path / "build" / "dataset") == contents(tmp_path / "bare")
    assert not any(page.exists() for page in pages)

    before = contents(tmp_path / "build" / "dataset")
    markers = {path: path.stat().st_mtime_ns for path in (tmp_path / "build" / "work").glob("*/*.done.json")}
    shards = {path: path.stat().st_mtime_ns for path in (tmp_path / "build" / "dataset" / "shards").iterdir()}
    build = BuildFolder.open(str(tmp_path / "build"))
    assert not is_finished(build)
    finish(build)
    assert contents(tmp_path / "build" / "dataset") == before
    stale = {path.parent.name for path, time in markers.items() if path.stat().st_mtime_ns != time}
    assert stale == {"split", "shards", "manifest", "audit"}
    again = {path.name for path, time in shards.items() if path.stat().st_mtime_ns != time}
    assert again == {pair.shard for pair in done.pairs} < {path.name for path in shards}
    assert is_finished(build)
    split = next(count for count in stage_counts(build) if count.name == "split")
    assert split.rejected[Reason.TAKEN_DOWN] == len(done.pairs)
    assert split.seen == split.forwarded + sum(split.rejected.values())


def test_where_all_was_taken_down_the_build_settles_on_a_dataset_without_pairs(built: Path, tmp_path: Path):
    shutil.copytree(built, tmp_path / "build")
    keys = {pair.image.key for pair in Dataset.open(str(built)).pairs()}
    take_down(str(tmp_path / "build"), wanted(*(("ids", key) for key in keys)))
    build = BuildFolder.open(str(tmp_path / "build"))
    for _ in range(2):
        assert not list(Dataset.open(str(tmp_path / "build")).pairs())
        assert not list(Verification(build.dataset).findings())
        assert not list(check_build(build))
        finish(build)
        assert is_finished(build)
    split = next(count for count in stage_counts(build) if count.name == "split")
    assert (split.forwarded, split.rejected[Reason.TAKEN_DOWN]) == (0, split.seen)


def test_no_byte_of_a_victim_is_left(built: Path, tmp_path: Path):
    shutil.copytree(built, tmp_path / "build")
    pair = next(pair for pair in Dataset.open(str(built)).pairs() if pair.frame.view == "scene")
    sample = next(sample for sample in Dataset.open(str(built)).samples() if sample.key == pair.pair_id)
    done = take_down(str(tmp_path / "build"), wanted(("sha256", pair.image.sha256)))
    # the original, two windows, three native fakes, and five members
    assert done.erased == 1 + 2 + 3 + 5
    tars = [path.read_bytes() for path in (tmp_path / "build").rglob("*.tar")]
    assert not any(data in tar for tar in tars for data in sample.members.values())
    assert take_down(str(tmp_path / "build"), wanted(("sha256", pair.image.sha256))).pairs == []


def test_what_only_the_work_folder_holds_is_erased_too(built: Path, tmp_path: Path):
    shutil.copytree(built, tmp_path / "build")
    keys = {pair.image.key for pair in Dataset.open(str(built)).pairs()}
    rejected = next(
        reject.key
        for reject in Dataset.open(str(built)).rejects()
        if reject.stage == "screen" and reject.key not in keys
    )
    done = take_down(str(tmp_path / "build"), wanted(("ids", rejected)))
    assert (done.images, done.pairs, done.erased) == (1, [], 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [('"salt":""', '"salt":"other"'), ('"num_inference_steps":2', '"num_inference_steps":1')],
    ids=["frame", "generate"],
)
def test_what_a_changed_recipe_asks_for_again_is_not_there(built: Path, tmp_path: Path, old: str, new: str):
    shutil.copytree(built, tmp_path / "build")
    victim = next(pair.image.key for pair in Dataset.open(str(built)).pairs() if pair.frame.view == "scene")
    take_down(str(tmp_path / "build"), wanted(("ids", victim)))
    build = BuildFolder.open(str(tmp_path / "build"))
    text = build.recipe.model_dump_json().replace(old, new)
    changed = BuildFolder(type(build.recipe).model_validate_json(text), build.base, build.url)
    assert changed.recipe != build.recipe
    changed.claim(redo=True)
    finish(changed)
    dataset = Dataset.open(str(tmp_path / "build"))
    assert victim not in {pair.image.key for pair in dataset.pairs()}
    taken = {reject.key for reject in dataset.rejects() if reject.reason == Reason.TAKEN_DOWN}
    assert taken == {f"{victim}-scene", f"{victim}-patch"}


def test_a_new_build_leaves_out_what_was_taken_down_elsewhere(
    built: Path, recipe: Recipe, run_stages: Run, tmp_path: Path
):
    shutil.copytree(built / "dataset", tmp_path / "bare")
    keys = sorted({pair.image.key for pair in Dataset.open(str(built)).pairs()})[:3]
    take_down(str(tmp_path / "bare"), wanted(*(("ids", key) for key in keys)), "asked for")
    path = recipe(replace={'name = "small"\n': 'name = "small"\ntombstones = ["bare/tombstones.jsonl"]\n'})
    dataset = Dataset.open(str(run_stages(path, tmp_path / "out")))
    assert keys == [reject.key for reject in dataset.rejects() if reject.reason == Reason.TAKEN_DOWN]
    assert not {pair.image.key for pair in dataset.pairs()} & set(keys)


def test_unknown_entries_are_told(built: Path, tmp_path: Path):
    shutil.copytree(built / "dataset", tmp_path / "bare")
    key = next(Dataset.open(str(built)).pairs()).image.key
    with pytest.raises(DatasetError, match=r"nothing here answers to the lists \(the first entry: nobody\)"):
        take_down(str(tmp_path / "bare"), wanted(("ids", "nobody")))
    assert take_down(str(tmp_path / "bare"), wanted(("ids", "nobody"), ("ids", key))).unknown == ["nobody"]


@pytest.mark.parametrize(
    ("kind", "line", "complaint"),
    [
        ("sha256", "abc", "line 2: 'abc' is not 64 hex digits"),
        ("urls", "example.org/a.jpg", "is not a URL with its scheme"),
        ("domains", "https://example.org", "is not a domain"),
        ("domains", "org", "is not a domain"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, kind: Kind, line: str, complaint: str):
    (tmp_path / "list.txt").write_text(f"# a list\n{line}\n")
    with pytest.raises(DatasetError, match=complaint):
        read_wanted([(kind, str(tmp_path / "list.txt"))])
