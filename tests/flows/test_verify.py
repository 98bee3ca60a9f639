import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.folder import BuildFolder
from flows.regenerate import Regeneration, RemadeFake, draw
from flows.verify import RealsAtHand, base_of, build_of, check_build
from manifests.dataset import Dataset
from manifests.records import Pair
from manifests.verify.run import Verification, find_dataset
from twinset.cli import app

Drawn = list[tuple[Pair, str]]


@pytest.fixture(scope="module")
def alone(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset without its build."""
    return Path(shutil.copytree(built / "dataset", tmp_path_factory.mktemp("alone") / "small"))


def remade(folder: Path, drawn: Drawn, *archives: Path) -> list[RemadeFake]:
    build = build_of(str(folder))
    reals = RealsAtHand([pair for pair, _ in drawn], build, archives)
    regeneration = Regeneration(Dataset.open(str(folder)), base_of(build, None), reals, "cpu")
    return list(regeneration.run(drawn))


def test_a_build_is_what_it_says(built: Path):
    verification = Verification(find_dataset(str(built)))
    assert list(verification.findings()) == []
    assert verification.counts["pairs"] == len(list(Dataset.open(str(built)).pairs()))
    build = build_of(str(built))
    assert build is not None
    assert list(check_build(build)) == []


def test_rejects_that_the_stages_do_not_know_of_are_found(built: Path, tmp_path: Path):
    shutil.copytree(built, tmp_path / "out")
    build = BuildFolder.open(str(tmp_path / "out"))
    lines = build.dataset.read("rejects.jsonl")
    build.dataset.write("rejects.jsonl", lines.replace(b'"not-an-image"', b'"animated"'))
    assert [str(finding) for finding in check_build(build)] == [
        "rejects.jsonl: 1 items animated at stage screen, the stage itself says 0",
        "rejects.jsonl: 0 items not-an-image at stage screen, the stage itself says 1",
    ]


def test_fakes_are_made_again_from_their_lines(built: Path):
    everything = draw(Dataset.open(str(built)), 10_000, seed=0)
    assert len(everything) == sum(len(pair.fakes) for pair in Dataset.open(str(built)).pairs())
    drawn = everything[::5]
    assert {(name, pair.frame.view) for pair, name in drawn} == {("sd", "scene"), ("vae", "scene"), ("vae", "patch")}
    assert {(fake.verdict, fake.detail) for fake in remade(built, drawn)} == {("identical", "")}


def test_the_draw_is_the_seeds_own(built: Path):
    dataset = Dataset.open(str(built))
    names = [[(pair.pair_id, name) for pair, name in draw(dataset, 5, seed)] for seed in (1, 1, 2)]
    assert names[0] == names[1] != names[2]
    assert len(set(names[0])) == 5


def test_a_dataset_alone_needs_the_photographs_for_reconstructions(alone: Path, scenes: Path):
    drawn = draw(Dataset.open(str(alone)), 5, seed=3)
    assert {name for _, name in drawn} == {"sd", "vae"}
    for fake in remade(alone, drawn):
        expected = ("identical", "") if fake.generator == "sd" else ("not-checked", "the real's bytes are not here")
        assert (fake.verdict, fake.detail) == expected
    assert {fake.verdict for fake in remade(alone, drawn, scenes)} == {"identical"}


def _otherwise(drawn: Drawn, change: Callable[[str], dict[str, object]]) -> Drawn:
    """The same fakes, with other records."""
    return [
        (pair.model_copy(update={"fakes": {name: pair.fakes[name].model_copy(update=change(name))}}), name)
        for pair, name in drawn
    ]


def test_where_low_bits_differ_the_final_members_are_compared(built: Path):
    drawn = draw(Dataset.open(str(built)), 6, seed=0)
    assert {(name, pair.frame.view) for pair, name in drawn} >= {("sd", "scene"), ("vae", "patch")}
    for fake in remade(built, _otherwise(drawn, lambda _: {"native_sha256": "0" * 64})):
        # the pixels are the same after all, so alignment from manifest and header alone must give the same bytes
        assert (fake.verdict, fake.max_difference, fake.mean_difference, fake.psnr) == ("close", 0, 0.0, 100.0)


def test_another_image_is_different(built: Path):
    drawn = [(pair, name) for pair, name in draw(Dataset.open(str(built)), 40, seed=0) if name == "sd"][:2]
    for fake in remade(built, _otherwise(drawn, lambda _: {"seed": 1, "native_sha256": "0" * 64})):
        assert fake.verdict == "different"
        assert fake.psnr is not None
        assert fake.psnr < 45


def test_the_command_says_what_it_found(built: Path, alone: Path, tmp_path: Path):
    run = CliRunner().invoke(app, ["verify", str(built), "--regenerate", "2", "--json"])
    assert run.exit_code == 0, run.output
    answer = json.loads(run.stdout)
    assert answer["findings"] == []
    assert [fake["verdict"] for fake in answer["regenerated"]] == ["identical"] * 2
    assert "all is as recorded" in CliRunner().invoke(app, ["verify", str(alone)]).stdout
    damaged = shutil.copytree(alone, tmp_path / "damaged")
    (damaged / "README.md").write_text("another card")
    run = CliRunner().invoke(app, ["verify", str(damaged)])
    assert run.exit_code == 1
    assert "README.md: 12 bytes, the index says" in run.stdout


def test_the_command_diff_ends_as_diff_does(alone: Path, built: Path, tmp_path: Path):
    assert CliRunner().invoke(app, ["diff", str(alone), str(built)]).exit_code == 0
    other = shutil.copytree(alone, tmp_path / "other")
    manifest = other / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace('"salt":"small"', '"salt":"other"', 1))
    run = CliRunner().invoke(app, ["diff", str(alone), str(other)])
    assert run.exit_code == 1
    assert "salt: small -> other" in run.stdout
