from collections.abc import Callable, Iterator

import numpy as np
import pytest

from classifier.batches import Batch, PairStream, PairWindows, batches, collate, pairs_in_batches
from classifier.config import ClassifierConfig
from classifier.contents import survey
from classifier.decoding import decode
from classifier.transforms import Preprocessing
from manifests.dataset import Dataset


@pytest.fixture(scope="module")
def dataset(make_dataset: Callable[..., Dataset]) -> Dataset:
    return make_dataset({"train": 20}, generators=("sd", "vae"), shards=2)


def epoch(dataset: Dataset, number: int, **settings: int) -> list[PairWindows]:
    config = ClassifierConfig(batch_size=4, shuffle_buffer=8, **settings)
    stream = PairStream(dataset, "train", ("sd", "vae"), 40, training=config, epoch=number)
    return [pair for pairs in pairs_in_batches(stream, config) for pair in pairs]


def ids(pairs: list[PairWindows]) -> list[str]:
    return [pair.pair.pair_id for pair in pairs]


def test_an_epoch_sees_every_pair_once_in_another_order(dataset: Dataset):
    first, again, second = epoch(dataset, 0), epoch(dataset, 0), epoch(dataset, 1)
    assert ids(first) == ids(again)
    assert ids(first) != ids(second)
    assert sorted(ids(first)) == sorted(ids(second)) == sorted(sample.key for sample in dataset.samples("train"))


def test_evaluation_keeps_the_order_of_the_shards_and_takes_the_centre(dataset: Dataset):
    pairs = list(PairStream(dataset, "train", ("sd", "vae"), 40))
    assert ids(pairs) == [sample.key for sample in dataset.samples("train")]
    assert (pairs[0].windows["real"] == decode(pairs[0].pair.members["real"])[4:44, 4:44]).all()


@pytest.mark.parametrize("shards", [1, 3])
def test_workers_share_the_pairs_even_when_they_outnumber_the_shards(make_dataset: Callable[..., Dataset], shards: int):
    dataset = make_dataset({"train": 11}, generators=("sd", "vae"), shards=shards)
    alone, shared = epoch(dataset, 0), epoch(dataset, 0, num_workers=2)
    assert sorted(ids(alone)) == sorted(ids(shared))
    windows = {pair.pair.pair_id: pair.windows for pair in alone}
    for pair in shared:
        for member, window in pair.windows.items():
            assert (window == windows[pair.pair.pair_id][member]).all()


def test_both_classes_weigh_the_same_in_every_batch(dataset: Dataset):
    config = ClassifierConfig(batch_size=3)
    for generators in (("sd",), ("sd", "vae")):
        stream = PairStream(dataset, "train", generators, 40, training=config)
        for images, labels, weights in loaded(stream, config):
            assert images.shape == (len(labels), 3, 40, 40)
            assert weights[labels == 0].sum() == pytest.approx(float(weights[labels == 1].sum()))
            assert (labels == 1).sum() == len(generators) * (labels == 0).sum()


def loaded(stream: PairStream, config: ClassifierConfig) -> Iterator[Batch]:
    yield from batches(stream, config)


def test_a_batch_holds_whole_pairs_and_their_pixels(dataset: Dataset):
    pairs = list(PairStream(dataset, "train", ("sd", "vae"), 48))[:2]
    batch = collate(pairs)
    assert batch.labels.tolist() == [0, 1, 1, 0, 1, 1]
    assert batch.weights.tolist() == [1, 0.5, 0.5, 1, 0.5, 0.5]
    assert (batch.images[4].permute(1, 2, 0).numpy() == pairs[1].windows["sd"]).all()
    assert batch.images.numpy().dtype == np.uint8


def test_threads_change_neither_pixels_nor_order(dataset: Dataset):
    alone, threaded = epoch(dataset, 0, decoding_threads=0), epoch(dataset, 0, decoding_threads=3)
    assert ids(alone) == ids(threaded)
    for one, other in zip(alone, threaded, strict=True):
        assert all((one.windows[member] == other.windows[member]).all() for member in one.windows)


def test_a_network_that_wants_resized_images_gets_them(dataset: Dataset):
    config = ClassifierConfig(image_size=32, fit="resize", resize_to=36, augmentation={"crop_scale": (0.5, 1.0)})
    training = PairStream(dataset, "train", ("sd", "vae"), 32, training=config)
    evaluation = PairStream(dataset, "train", ("sd", "vae"), Preprocessing.of(config, 32))
    for stream in (training, evaluation):
        assert next(iter(stream)).windows["vae"].shape == (32, 32, 3)


def test_couples_are_never_blended(make_dataset: Callable[..., Dataset]):
    blending = {"random_crop": False, "flip": 0, "blend": {"probability": 1, "share": (0.5, 0.5)}}
    few = {"train": 8, "validation": 4, "test": 4}
    alone = make_dataset(few, fakes_alone=1)
    pairs = make_dataset(few)
    for dataset, is_blended in ((alone, False), (pairs, True)):
        contents = survey(dataset, ClassifierConfig())
        config = ClassifierConfig(augmentation=blending)
        stream = PairStream(dataset, "train", ("blur",), 48, training=config, singles=contents.singles["train"])
        for pair in stream:
            changed = (pair.windows["blur"] != decode(pair.pair.members["blur"])).any()
            assert changed == is_blended


def test_couples_of_a_few_chosen_pairs_are_spread_over_the_epoch(make_dataset: Callable[..., Dataset]):
    dataset = make_dataset({"train": 200, "validation": 8, "test": 8}, side=16, fakes_alone=1, shards_of_pairs=1)
    config = ClassifierConfig(shuffle_buffer=1)
    singles = survey(dataset, config).singles["train"]
    samples = list(dataset.samples("train"))
    pairs = [sample.key for sample in samples if "real" in sample.members]
    chosen = {*pairs[::5], *(sample.key for sample in samples if "image" in sample.members)}
    stream = PairStream(dataset, "train", ("blur",), 16, training=config, singles=singles, only=chosen)
    is_couple = [pair.pair.is_couple for pair in stream]
    assert (is_couple.count(False), is_couple.count(True)) == (20, 50)
    assert 20 < sum(is_couple[:35]) < 30
