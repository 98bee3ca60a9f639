"""What is read of a pair in part says the same of it as the whole record."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manifests import canonical
from manifests.composition import Composition
from manifests.digital_source import of_pair
from manifests.parts import pair_part
from manifests.records import Pair
from manifests.shards import metadata
from manifests.splits import bonds_of
from manifests.tables import credits_of
from manifests.terms import terms_of_pair

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
FIELDS = st.fixed_dictionaries(
    {
        **dict.fromkeys(("title", "author", "url", "class_label", "source_caption", "pair", "license"), TEXTS),
        "terms": st.sampled_from(["open", "research-only", "unknown"]),
        "variant": st.sampled_from(["original", "prompt"]),
    }
)


def said_of(pairs: list) -> list[object]:
    """All that the dataset's accounts say of pairs."""
    return [
        Composition.of(pairs),
        *(
            (metadata(pair), of_pair(pair), terms_of_pair(pair), bonds_of(pair.image), pair.label, pair.generator)
            for pair in pairs
        ),
        *(credits_of(image) for pair in pairs for image in pair.images),
    ]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(FIELDS)
def test_a_part_says_what_the_whole_record_says(
    make_pair: Callable[..., Pair], make_single: Callable[..., Pair], fields: dict[str, str]
):
    pairs = [make_pair(1, **fields), make_single(2, **fields), make_single(3, generator="painter", **fields)]
    retrieved = pairs[0].fakes["vae"].model_copy(update={"method": "retrieve", "retrieved": pairs[2].image})
    pairs.append(pairs[0].model_copy(update={"fakes": {**pairs[0].fakes, "vae": retrieved}}))
    assert said_of([pair_part(canonical.dumps(pair)) for pair in pairs]) == said_of(pairs)


@pytest.mark.parametrize("count", [0, 3])
def test_pairs_that_are_alike_are_all_counted(make_pair: Callable[..., Pair], count: int):
    pairs = [make_pair(number) for number in range(count)]
    composition = Composition.of(pairs)
    assert composition.total == count
    assert sum(composition.bytes.values()) == sum(member.size for pair in pairs for member in pair.members.values())
