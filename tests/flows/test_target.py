"""A target of pairs: images are drawn until so many pairs stand, and no more are worked on than that takes."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.counts import is_finished, stage_counts
from flows.folder import BuildFolder
from flows.recipe import load_recipe
from flows.target import SPARE, want_chunks, wanted_chunks
from flows.waves import shortfall, stages_in_order
from manifests.dataset import Dataset
from manifests.records import Reason

Recipe = Callable[..., Path]

pytestmark = pytest.mark.xdist_group("stages")


def contents(dataset: Path) -> dict[str, bytes]:
    names = ["manifest.jsonl", "rejects.jsonl", *(f"shards/{path.name}" for path in (dataset / "shards").iterdir())]
    return {name: (dataset / name).read_bytes() for name in names}


def claim(path: Path, out: Path) -> BuildFolder:
    build = BuildFolder(load_recipe(path), str(path.parent), str(out))
    build.claim()
    return build


def run(build: BuildFolder) -> Path:
    for stage in stages_in_order(build):
        for index in stage.pending():
            stage.run(index)
        stage.finish()
    return Path(str(build.dataset))


@pytest.fixture
def small(recipe: Recipe) -> Callable[[int], Path]:
    """The small recipe in chunks of four with a target, its fakes by the autoencoder alone."""

    def write(target: int) -> Path:
        path = recipe(
            replace={'name = "small"\n': f'name = "small"\ntarget_pairs = {target}\n', "size = 8": "size = 4"}
        )
        text = path.read_text()
        start = text.index('[[generators]]\nname = "sd"')
        text = text[:start] + text[text.index('[[generators]]\nname = "vae"') :]
        path.write_text(text.replace('generators = ["sd", "vae"]', 'generators = ["vae"]'))
        return path

    return write


def test_exactly_so_many_pairs_stand_whatever_the_waves_were(small: Callable[[int], Path], tmp_path: Path):
    path = small(13)
    build = claim(path, tmp_path / "out")
    expected = contents(run(build))
    dataset = Dataset.open(str(build.dataset))
    assert len(list(dataset.pairs())) == 13
    assert wanted_chunks(build) in (2, 3)
    assert is_finished(build)
    assert not shortfall(build)
    counts = {count.name: count for count in stage_counts(build)}
    assert counts["frame"].seen == 2 * counts["select"].forwarded == 8 * (wanted_chunks(build) or 0)
    assert counts["split"].seen == counts["align"].forwarded
    rejects = Counter(reject.stage for reject in dataset.rejects() if reject.reason == Reason.SURPLUS)
    assert rejects["select"] > 4
    assert rejects["split"] == counts["align"].forwarded - 13

    for guess in (1, 4):
        again = claim(path, tmp_path / f"from {guess}")
        want_chunks(again, guess)
        assert contents(run(again)) == expected
        assert wanted_chunks(again) == wanted_chunks(build)


def test_a_source_that_is_exhausted_is_told(small: Callable[[int], Path], tmp_path: Path):
    build = claim(small(1000), tmp_path / "out")
    assert not shortfall(build)
    pairs = len(list(Dataset.open(str(run(build))).pairs()))
    assert is_finished(build)
    assert shortfall(build).startswith(f"target_pairs: {pairs} of 1000 pairs stand, and no image is left.")
    assert not any(reject.detail == SPARE for reject in Dataset.open(str(build.dataset)).rejects())
