from collections import Counter

from hypothesis import example, given, settings
from hypothesis import strategies as st

from manifests.seeds import digest, fraction, seed

PARTS = st.lists(st.text(max_size=4), max_size=4)


def test_the_numbers_are_those_that_published_datasets_were_made_with():
    assert seed("a") == 2355803643389800977
    assert seed("salt", "0123456789abcdef-scene", "sd14", 0) == 3617147190823047136
    assert fraction("salt", "split", "pair:0123456789abcdef") == 0.5941291037756606


@settings(max_examples=200)
@given(PARTS, PARTS)
@example(["ab", "c"], ["a", "bc"])
@example(["a", ""], ["a"])
@example(["1:a"], ["a"])
@example(["a1:b"], ["a", "b"])
def test_different_parts_have_different_digests(one: list[str], other: list[str]):
    assert (digest(*one) == digest(*other)) == (one == other)


def test_a_number_is_its_text():
    assert seed("pair", 7) == seed("pair", "7")
    assert seed("pair", 7) != seed("pair", -7)


@settings(max_examples=100)
@given(PARTS)
def test_seeds_and_fractions_stay_in_their_ranges(parts: list[str]):
    assert 0 <= seed(*parts) < 2**63
    assert 0 <= fraction(*parts) < 1


def test_fractions_are_spread_evenly():
    count = 5_000
    tenths = Counter(int(10 * fraction("salt", number)) for number in range(count))
    deviation = (count * 0.1 * 0.9) ** 0.5
    assert all(abs(tenths[tenth] - count / 10) < 4 * deviation for tenth in range(10))


def test_seeds_use_all_their_bits():
    seeds = [seed("salt", number) for number in range(2_000)]
    for bit in range(63):
        assert 0.4 < sum(value >> bit & 1 for value in seeds) / len(seeds) < 0.6
