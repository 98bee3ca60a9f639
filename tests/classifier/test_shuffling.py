import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.batches import PairStream, PairWindows, batches, pairs_in_batches
from classifier.config import ClassifierConfig
from classifier.contents import Contents, survey
from classifier.shuffling import mixed, shuffled
from manifests.dataset import Dataset
from manifests.errors import DatasetError, RecipeError

TINY = {"train": 20, "validation": 4, "test": 4}


@pytest.fixture(scope="module")
def dataset(make_dataset: Callable[..., Dataset]) -> Dataset:
    """5 reals and 15 fakes to train on, in two shards."""
    return make_dataset(TINY, side=32, fakes_alone=3)


@pytest.fixture(scope="module")
def contents(dataset: Dataset) -> Contents:
    return survey(dataset, ClassifierConfig())


def epoch(dataset: Dataset, contents: Contents, *, workers: int = 0, number: int = 0) -> list[PairWindows]:
    config = ClassifierConfig(batch_size=4, shuffle_buffer=6, num_workers=workers)
    stream = PairStream(
        dataset, "train", ("blur",), 32, training=config, epoch=number, singles=contents.singles["train"]
    )
    return [pair for pairs in pairs_in_batches(stream, config) for pair in pairs]


def halves(couples: list[PairWindows], side: int) -> Counter[str]:
    return Counter(couple.pair.pair_id.split("+")[side] for couple in couples)


@given(st.lists(st.integers()), st.integers(1, 9), st.integers())
def test_shuffling_keeps_every_item(items: list[int], size: int, seed: int):
    assert sorted(shuffled(items, size, random.Random(seed))) == sorted(items)


@given(st.lists(st.integers(0)), st.lists(st.integers(max_value=-1)), st.floats(0, 1), st.integers())
def test_mixing_keeps_both_orders(first: list[int], second: list[int], share: float, seed: int):
    found = list(mixed(first, second, share, random.Random(seed)))
    assert [item for item in found if item >= 0] == first
    assert [item for item in found if item < 0] == second


def test_the_survey_counts_labels(contents: Contents):
    assert contents.singles["train"].counts == (6, 14)
    assert contents.pairs == {"train": 20, "validation": 4, "test": 4}
    assert contents.units("train") == 14
    assert contents.generators == ("blur",)


@pytest.mark.parametrize("workers", [0, 2])
def test_couples_are_a_real_and_a_fake_and_nobody_is_forgotten(dataset: Dataset, contents: Contents, workers: int):
    couples = epoch(dataset, contents, workers=workers)
    assert len(couples) == 14
    assert all(list(couple.windows) == ["real", "blur"] for couple in couples)
    assert len(halves(couples, 0)) == 6
    if not workers:
        assert set(halves(couples, 1).values()) == {1}
        assert max(halves(couples, 0).values()) <= 3


def test_each_epoch_has_its_own_couples_and_can_be_repeated(dataset: Dataset, contents: Contents):
    first, again, second = (
        [couple.pair.pair_id for couple in epoch(dataset, contents, number=number)] for number in (0, 0, 1)
    )
    assert first == again
    assert sorted(first) != sorted(second)


def test_batches_are_balanced(dataset: Dataset, contents: Contents):
    config = ClassifierConfig(batch_size=4)
    stream = PairStream(dataset, "train", ("blur",), 32, training=config, singles=contents.singles["train"])
    for _, labels, weights in batches(stream, config):
        assert labels.sum() == len(labels) / 2
        assert weights.tolist() == [1] * len(labels)


def test_evaluation_looks_at_each_image_once(dataset: Dataset):
    seen = list(PairStream(dataset, "validation", ("blur",), 32))
    assert [pair.pair.pair_id for pair in seen] == [sample.key for sample in dataset.samples("validation")]
    assert {tuple(pair.windows) for pair in seen} == {("real",), ("blur",)}


def test_fakes_that_are_not_asked_for_are_left_out(dataset: Dataset):
    with pytest.raises(RecipeError, match=r"paint is not in .*; it has blur"):
        survey(dataset, ClassifierConfig(generators=("paint",)))


def test_one_class_alone_teaches_nothing(make_dataset: Callable[..., Dataset]):
    reals = make_dataset({"train": 2, "validation": 2, "test": 2}, side=32, shards=1, fakes_alone=0)
    with pytest.raises(DatasetError, match="2 reals and 0 fakes; one class alone teaches nothing"):
        survey(reals, ClassifierConfig())
