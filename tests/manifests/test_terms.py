from collections.abc import Callable

import pytest

from manifests.digital_source import of_pair
from manifests.records import Pair, Terms
from manifests.terms import is_open, terms_of_pair

Make = Callable[..., Pair]


@pytest.mark.parametrize("terms", ["open", "research-only", "unknown"])
def test_a_pair_is_as_open_as_its_real(make_pair: Make, terms: Terms):
    assert terms_of_pair(make_pair(1, terms=terms)) == terms
    assert is_open(make_pair(1, terms=terms)) == (terms == "open")


def test_a_retrieved_fake_that_is_not_open_closes_its_pair(make_pair: Make):
    pair, other = make_pair(1, terms="open"), make_pair(2, terms="research-only")
    retrieved = pair.fakes["vae"].model_copy(update={"retrieved": other.image})
    assert terms_of_pair(pair.model_copy(update={"fakes": {**pair.fakes, "vae": retrieved}})) == "research-only"


def test_what_is_made_from_a_prompt_alone_is_open(make_single: Make):
    assert terms_of_pair(make_single(1, variant="prompt")) == "open"
    assert terms_of_pair(make_single(1, generator="flux")) == "unknown"


def test_digital_source_types_follow_from_methods(make_pair: Make, make_single: Make):
    pair = make_pair(1)
    painted = pair.fakes["vae"].model_copy(update={"method": "inpaint"})
    pair = pair.model_copy(update={"fakes": {**pair.fakes, "vae": painted}})
    assert of_pair(pair) == "trainedAlgorithmicMedia,compositeWithTrainedAlgorithmicMedia"
    assert of_pair(make_single(1)) == ""
    assert of_pair(make_single(1, generator="flux")) == "trainedAlgorithmicMedia"
