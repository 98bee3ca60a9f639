from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generation.prompts import PromptBudget
from generation.quiet import quiet


@pytest.fixture(scope="session")
def tokenizers(models: Path) -> list[Any]:
    """SDXL's two, the second of which is made the stricter one."""
    from transformers import CLIPTokenizer

    first = CLIPTokenizer.from_pretrained(models / "sdxl" / "tokenizer")
    second = CLIPTokenizer.from_pretrained(models / "sdxl" / "tokenizer_2", model_max_length=12)
    return [first, second]


def test_a_prompt_that_fits_is_left_alone(tokenizers: list[Any]):
    fitted = PromptBudget(tokenizers[:1]).fit("A red  cube, ")
    assert (fitted.text, fitted.tokens_dropped) == ("A red  cube, ", 0)


def test_a_long_prompt_is_cut_after_its_last_whole_word(tokenizers: list[Any]):
    # 75 tokens are left: 1 for each `red`, 4 for each `cube`
    fitted = PromptBudget(tokenizers[:1]).fit("red " * 70 + "cube cube cube")
    assert fitted.text == "red " * 70 + "cube"
    assert fitted.tokens_dropped == 8


def test_the_stricter_tokenizer_decides(tokenizers: list[Any]):
    fitted = PromptBudget(tokenizers).fit("red cube red cube red")
    # ten tokens are left for the second: 1 + 4 + 1 + 4
    assert fitted.text == "red cube red cube"
    assert fitted.tokens_dropped == 1


def test_one_endless_word_is_cut_between_characters(tokenizers: list[Any]):
    fitted = PromptBudget(tokenizers[1:]).fit("x" * 25)
    assert (fitted.text, fitted.tokens_dropped) == ("x" * 10, 15)


def test_a_character_of_several_tokens_is_never_halved(tokenizers: list[Any]):
    # three byte tokens a character, ten of them are left
    fitted = PromptBudget(tokenizers[1:]).fit("日本語文章")
    assert (fitted.text, fitted.tokens_dropped) == ("日本語", 6)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    prompt=st.text(max_size=60) | st.lists(st.sampled_from(["red", "cube", "it's", "日本", ",", "  "])).map(" ".join)
)
def test_what_is_used_is_a_beginning_that_no_tokenizer_cuts(tokenizers: list[Any], prompt: str):
    with quiet():
        fitted = PromptBudget(tokenizers).fit(prompt)
        lengths = [len(tokenizer(fitted.text).input_ids) for tokenizer in tokenizers]
    assert prompt.startswith(fitted.text)
    assert all(length <= tokenizer.model_max_length for length, tokenizer in zip(lengths, tokenizers, strict=True))
    assert (fitted.tokens_dropped == 0) == (fitted.text == prompt or fitted.text == prompt.rstrip())


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    caption=st.lists(st.sampled_from(["red", "cube", "it's", "日本", "x" * 30, ","]), max_size=12).map(" ".join),
    template=st.sampled_from(["{caption}", "red {caption}", "{caption}, red", "a {caption}red"]),
)
def test_only_the_caption_is_cut(tokenizers: list[Any], caption: str, template: str):
    with quiet():
        fitted = PromptBudget(tokenizers).fit(caption, template)
        lengths = [len(tokenizer(fitted.text).input_ids) for tokenizer in tokenizers]
    before, _, after = template.partition("{caption}")
    assert fitted.prompt == before + caption + after
    assert fitted.text.startswith(before.rstrip())
    assert fitted.text.endswith(after)
    assert caption.startswith(fitted.text.removeprefix(before).removesuffix(after).rstrip())
    assert all(length <= tokenizer.model_max_length for length, tokenizer in zip(lengths, tokenizers, strict=True))
    assert (fitted.tokens_dropped == 0) == (fitted.text == fitted.prompt)
