from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.batches import PairStream, PairWindows
from classifier.config import ClassifierConfig
from classifier.contents import survey
from classifier.continuing import FORGETTING, Forgetting, continue_training
from classifier.detector import Detector
from classifier.replay import Rehearsal
from classifier.replay_choice import allocate, choose_rehearsal
from classifier.replay_config import ContinueConfig, ReplayRatio
from classifier.training import train
from classifier.transforms import Preprocessing
from flows.continue_ import continue_detector
from manifests.dataset import Dataset
from manifests.errors import DatasetError, ModelError, TwinsetError

MakeDataset = Callable[..., Dataset]
CONFIG = ClassifierConfig(backbone="test_resnet", epochs=1, batch_size=4, image_size=40, learning_rate=3e-3)
VIEW = Preprocessing(40)


def buffer(earlier: list[Dataset], new_units: int, ratio: ReplayRatio | None = None) -> Rehearsal:
    surveyed = [(dataset, survey(dataset, CONFIG)) for dataset in earlier]
    return choose_rehearsal(surveyed, new_units, ratio or ReplayRatio(), CONFIG, VIEW)


def epoch(new: Dataset, rehearsal: Rehearsal, number: int = 0) -> list[PairWindows]:
    contents = survey(new, CONFIG)
    stream = PairStream(
        new, "train", contents.generators, VIEW, training=CONFIG, epoch=number, singles=contents.singles["train"]
    )
    return list(rehearsal.mixed_into(stream, contents.units("train"), number))


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 50), min_size=1), st.integers(0, 300))
def test_shares_are_equal_as_far_as_strata_hold_so_many(sizes: dict[str, int], wanted: int):
    shares = allocate(sizes, wanted)
    assert sum(shares.values()) == min(wanted, sum(sizes.values()))
    assert all(shares[name] <= size for name, size in sizes.items())
    most = max(shares.values())
    assert all(share >= most - 1 or share == sizes[name] for name, share in shares.items())


def test_one_old_pair_for_eight_new_ones_unless_said_otherwise(make_dataset: MakeDataset):
    old = make_dataset({"train": 12, "validation": 4, "test": 4}, generators=("blur", "soft"))
    assert buffer([old], new_units=16).units == 2
    assert buffer([old], new_units=16, ratio=ReplayRatio(new=4, old=1)).units == 4
    # the other reading: as many as there are, where eight times the new ones are not
    assert buffer([old], new_units=16, ratio=ReplayRatio(new=1, old=8)).units == 12


def test_an_epoch_has_all_new_pairs_and_the_whole_buffer_once_in_whole_pairs(make_dataset: MakeDataset):
    new = make_dataset({"train": 16, "validation": 4, "test": 4}, generators=("sharp",))
    old = make_dataset({"train": 12, "validation": 4, "test": 4}, generators=("blur", "soft"))
    rehearsal = buffer([old], new_units=16, ratio=ReplayRatio(new=4, old=1))
    pairs = epoch(new, rehearsal)
    assert Counter(tuple(pair.windows) for pair in pairs) == {("real", "sharp"): 16, ("real", "blur", "soft"): 4}
    rehearsed = {pair.pair.pair_id for pair in pairs if "blur" in pair.windows}
    train_ids = {pair.pair_id for pair in old.pairs() if pair.split == "train"}
    assert len(rehearsed) == 4
    assert rehearsed <= train_ids
    again, later = epoch(new, rehearsal), epoch(new, rehearsal, 1)
    assert [pair.pair.pair_id for pair in again] == [pair.pair.pair_id for pair in pairs]
    # another epoch: the same pairs in another order
    assert {pair.pair.pair_id for pair in later} == {pair.pair.pair_id for pair in pairs}
    assert [pair.pair.pair_id for pair in later] != [pair.pair.pair_id for pair in pairs]


def test_rare_origins_are_rehearsed_as_much_as_frequent_ones(make_dataset: MakeDataset):
    frequent = make_dataset({"train": 30, "validation": 4, "test": 4}, generators=("blur",))
    rare = make_dataset({"train": 4, "validation": 4, "test": 4}, generators=("soft",))
    rehearsal = buffer([frequent, rare], new_units=64)
    assert rehearsal.by_origin == {"noise blur": 4, "noise soft": 4}
    assert rehearsal.available == 34
    assert rehearsal.generators == {"blur", "soft"}


def test_images_that_stand_alone_are_rehearsed_in_couples(make_dataset: MakeDataset):
    new = make_dataset({"train": 16, "validation": 4, "test": 4})
    old = make_dataset({"train": 24, "validation": 8, "test": 8}, generators=("soft",), fakes_alone=1)
    rehearsal = buffer([old], new_units=16, ratio=ReplayRatio(new=4, old=1))
    assert rehearsal.by_origin == {"noise": 4, "noise soft": 4}
    pairs = epoch(new, rehearsal)
    assert Counter(tuple(pair.windows) for pair in pairs) == {("real", "blur"): 16, ("real", "soft"): 4}


def test_a_real_and_a_fake_that_stand_alone_are_rehearsed_out_of_the_same_dataset(make_dataset: MakeDataset):
    new = make_dataset({"train": 16, "validation": 4, "test": 4})
    # the first has most of the fakes, the second most of the reals
    fakes = make_dataset({"train": 24, "validation": 8, "test": 8}, generators=("soft",), fakes_alone=3)
    reals = make_dataset({"train": 20, "validation": 8, "test": 8}, generators=("sharp",), fakes_alone=1)
    for ratio, couples in ((ReplayRatio(new=16, old=1), 1), (ReplayRatio(new=16, old=5), 5), (ReplayRatio(), 2)):
        rehearsal = buffer([fakes, reals], new_units=16, ratio=ratio)
        assert rehearsal.units == couples
        assert all(part.singles.counts[0] == part.singles.counts[1] for part in rehearsal.parts)
        assert rehearsal.available == 6 + 10
        kinds = Counter(tuple(pair.windows) for pair in epoch(new, rehearsal))
        assert kinds["real", "soft"] + kinds["real", "sharp"] == couples


@pytest.fixture(scope="module")
def old(make_dataset: MakeDataset) -> Dataset:
    return make_dataset({"train": 16, "validation": 8, "test": 8}, generators=("soft",))


@pytest.fixture(scope="module")
def detector(old: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("first") / "detector"
    train(old, CONFIG, out, device="cpu")
    return out


def test_a_detector_goes_on_and_says_what_it_forgot(
    make_dataset: MakeDataset, old: Dataset, detector: Path, tmp_path: Path
):
    new = make_dataset({"train": 16, "validation": 8, "test": 8}, generators=("sharp",))
    before = (detector / "model.safetensors").read_bytes()
    settings = ContinueConfig(epochs=1, batch_size=4, learning_rate=1e-3)
    report = continue_training(detector, new, [old], settings, tmp_path / "next", device="cpu")
    assert Forgetting.model_validate_json((tmp_path / "next" / FORGETTING).read_bytes()) == report
    assert [(kept.dataset, kept.is_new) for kept in report.datasets] == [("tiny", True), ("tiny", False)]
    assert (report.rehearsed, report.available) == (2, 16)
    assert all("auc" in kept.before.intervals and "auc" in kept.after.intervals for kept in report.datasets)
    continued = Detector.load(tmp_path / "next")
    # what was known before is still known, and nothing of the first detector is touched
    assert continued.config.generators == ("sharp", "soft")
    assert continued.config.rehearsed == ("tiny",)
    assert (
        (detector / "model.safetensors").read_bytes()
        == before
        != (tmp_path / "next" / "model.safetensors").read_bytes()
    )


def test_a_detector_that_learns_next_to_nothing_stays_what_it_was(
    make_dataset: MakeDataset, old: Dataset, detector: Path, tmp_path: Path
):
    new = make_dataset({"train": 8, "validation": 4, "test": 4}, generators=("sharp",))
    settings = ContinueConfig(epochs=1, batch_size=8, learning_rate=1e-7)
    kept = continue_training(detector, new, [old], settings, tmp_path / "next", device="cpu").datasets[1]
    assert kept.after.auc == pytest.approx(kept.before.auc, abs=0.15)


def test_what_cannot_be_continued_is_named(old: Dataset, detector: Path, tmp_path: Path):
    settings = ContinueConfig()
    with pytest.raises(TwinsetError, match="the detector's own folder"):
        continue_training(detector, old, [], settings, detector)
    with pytest.raises(DatasetError, match="given twice"):
        continue_training(detector, old, [old], settings, tmp_path / "next")
    with pytest.raises(DatasetError, match="nothing to rehearse"):
        continue_training(detector, old, [], settings, tmp_path / "next")
    with pytest.raises(ModelError, match="no detector here"):
        continue_training(tmp_path, old, [], settings, tmp_path / "next")
    assert list(tmp_path.iterdir()) == []


def test_a_detector_does_not_go_on_inside_a_finished_dataset(old: Dataset, detector: Path):
    with pytest.raises(DatasetError, match="which stays as it is"):
        continue_detector.fn(detector=str(detector), dataset=old.root, replay=[], out=f"{old.root}/second")
