"""What a licence allows."""

import pytest

from sources.terms import terms_of


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("https://creativecommons.org/licenses/by/2.0/", "open"),
        ("http://creativecommons.org/licenses/by-sa/2.0/", "open"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "open"),
        ("http://flickr.com/commons/usage/", "open"),
        ("http://www.usa.gov/copyright.shtml", "open"),
        ("CC0-1.0", "open"),
        ("cc-by-4.0", "open"),
        ("CC BY-SA 4.0", "open"),
        ("MIT", "open"),
        ("https://creativecommons.org/licenses/by-nc/2.0/", "research-only"),
        ("http://creativecommons.org/licenses/by-nd/2.0/", "research-only"),
        ("cc-by-nc-4.0", "research-only"),
        ("non-commercial research only", "research-only"),
        ("", "unknown"),
        ("?", "unknown"),
        ("all rights reserved", "unknown"),
        ("permitted by us", "unknown"),
    ],
)
def test_only_licences_that_allow_changes_and_any_use_are_open(name: str, terms: str):
    assert terms_of(name) == terms
