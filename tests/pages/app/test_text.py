import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from pages.app.text import escaped, shown


@given(st.text(max_size=300))
def test_nothing_hides_and_nothing_is_markup(text: str):
    made = escaped(text)
    assert not set(made) & set("<>\"'")
    assert all(unicodedata.category(character)[0] != "C" or character in "\n\t" for character in made)


def test_marks_that_turn_the_direction_of_writing_stand_there_by_their_number():
    assert shown("a\u202egpj.exe") == "a\\u202egpj.exe"
    assert shown("\u200bx\u2066y\x1b[2J") == "\\u200bx\\u2066y\\u001b[2J"


def test_words_of_any_language_stay_as_they_are():
    for text in ("Zoë's café", "日本語", "кот", "line\nline", "👩 a woman"):
        assert shown(text) == text


def test_what_is_too_long_is_cut():
    assert shown("a" * 10_000, 20) == "a" * 20 + "…"
