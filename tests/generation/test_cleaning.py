import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.cleaning import clean


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  A Red  cube\n on the floor ", "a red cube on the floor"),
        ("arafed man in a white shirt", "man in a white shirt"),
        ("there are two araffe dogs", "there are two dogs"),
        ("yasser arafat in a giraffe enclosure", "yasser arafat in a giraffe enclosure"),
        ("a red red red cube", "a red cube"),
        ("a red cube and a red cube", "a red cube and a red cube"),
        ("a red cube and a red cube and a red cube", "a red cube and a red cube"),
        ("a man riding a horse a man riding a horse", "a man riding a horse"),
        ("a dog on a dog on a dog", "a dog on a dog"),
        ("new york, new york city", "new york, new york city"),
        ("red red-hot iron", "red red-hot iron"),
        ("a cat catches", "a cat catches"),
        ("red arafed red cube", "red cube"),
        ("Arafed ", ""),
        ("arafed, dog", "dog"),
        ("arafed - dog. arafed, a red cube.", "dog. a red cube."),
        ("a cube, arafed, on the floor", "a cube, on the floor"),
        ("\u200b\u2060 \ufeff", ""),
        ("\u3164 \u2800\x00 \ufe0f", ""),
        ("a \u200bred\u200b \u200b cube", "a \u200bred\u200b cube"),
        ("👩\u200d🚀 कर\u200dके", "👩\u200d🚀 कर\u200dके"),
        ("", ""),
    ],
)
def test_cleaned_captions(text: str, cleaned: str):
    assert clean(text) == cleaned


words = st.sampled_from(
    ["a", "A", "red", "arafed", "araffe", "cube", "Cube", "\n", "  ", "the-the", "it's", "ÜBER", ",", "\u200b"]
)


@given(st.lists(words).map(" ".join) | st.lists(words).map("".join) | st.text())
def test_cleaning_twice_changes_nothing(text: str):
    once = clean(text)
    assert clean(once) == once


@given(st.text())
def test_cleaned_captions_are_one_line_without_spare_spaces(text: str):
    assert clean(text) == " ".join(clean(text).split())
