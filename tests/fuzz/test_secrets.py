"""Secrets never reach what is published: recipes that hold one are refused, and URLs are recorded without them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.recipe import load_recipe
from manifests.errors import RecipeError
from manifests.secrets import secret_in, without_secrets
from sources.base import Listing, accept

_RECIPE = """
name = "small"
[[sources]]
type = "folder"
path = "{path}"
[[views]]
name = "scene"
framing = "scene"
frame = 64
size = 40
"""
_HOLDING = (
    "https://anna:s3cret@example.org/list.csv",
    "s3://AKIAABCDEFGHIJKLMNOP:s3cret@bucket/images",
    "https://example.org/list.csv?token=s3cret",
    "https://example.org/list.csv?page=2&Access_Token=s3cret#top",
    "https://bucket.s3.amazonaws.com/a?X-Amz-Credential=s3cret&X-Amz-Signature=s3cret",
    "https://example.org/AKIAABCDEFGHIJKLMNOP/x",
    "https://example.org/hf_abcdefghijklmnopqrstuvwxyzabcdefgh",
)
_PLAIN = (
    "",
    "photos",
    "https://example.org/a.jpg?size=large&tokens=3",
    "https://example.org/@anna:b/c.jpg",
    "https://anna@example.org/a.jpg",
    "https://example.org/?q=caf%C3%A9#token=1",
    "s3://bucket/images",
)


@pytest.mark.parametrize("url", _HOLDING)
def test_a_recipe_with_a_secret_is_refused_in_a_line_that_does_not_tell_it(url: str, tmp_path: Path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(_RECIPE.format(path=url))

    with pytest.raises(RecipeError, match=r"sources\.0\.path") as refusal:
        load_recipe(recipe)

    assert "s3cret" not in str(refusal.value)
    assert "AKIA" not in str(refusal.value)


@pytest.mark.parametrize("url", _HOLDING)
def test_a_url_is_recorded_without_its_secret(url: str):
    fetched = accept(Listing(source_id="1", url=url, landing_url=url, author_url=url), b"image", "web")

    recorded = fetched.image.model_dump_json()
    assert "s3cret" not in recorded
    assert "AKIA" not in recorded
    assert "hf_" not in recorded
    assert fetched.image.url.startswith(("https://", "s3://"))


@pytest.mark.parametrize("url", _PLAIN)
def test_other_urls_stay_as_they_are(url: str):
    assert not secret_in(url)
    assert without_secrets(url) == url


@given(st.text(max_size=80), st.sampled_from(_HOLDING))
def test_what_is_left_of_a_url_holds_no_secret(text: str, url: str):
    assert not secret_in(without_secrets(text))
    assert not secret_in(without_secrets(url + text))
