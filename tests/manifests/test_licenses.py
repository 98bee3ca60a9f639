import pytest

from manifests.licenses import of_the_whole, resolve


@pytest.mark.parametrize(
    ("text", "name", "url"),
    [
        ("https://creativecommons.org/licenses/by/2.0/", "cc-by-2.0", "https://creativecommons.org/licenses/by/2.0/"),
        ("http://creativecommons.org/licenses/by-nc-sa/4.0/", "cc-by-nc-sa-4.0", "https://creativecommons.org/licenses/by-nc-sa/4.0/"),
        ("https://creativecommons.org/licenses/by-sa/3.0/deed.en", "cc-by-sa-3.0", "https://creativecommons.org/licenses/by-sa/3.0/"),
        ("CC BY 4.0", "cc-by-4.0", "https://creativecommons.org/licenses/by/4.0/"),
        ("cc-by-nc-nd-4.0", "cc-by-nc-nd-4.0", "https://creativecommons.org/licenses/by-nc-nd/4.0/"),
        ("CC0-1.0", "cc0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "pdm-1.0", "https://creativecommons.org/publicdomain/mark/1.0/"),
        ("MIT", "mit", ""),
        ("CreativeML Open RAIL-M", "", ""),
        ("creativeml-openrail-m", "creativeml-openrail-m", ""),
        ("https://images.example/terms", "", "https://images.example/terms"),
        ("research only", "", ""),
        ("", "", ""),
        ("https://creativecommons.org.evil.example/licenses/by/2.0/", "", "https://creativecommons.org.evil.example/licenses/by/2.0/"),
    ],
)  # fmt: skip
def test_a_licence_is_resolved_from_a_url_or_a_name(text: str, name: str, url: str):
    found = resolve(text)
    assert (found.text, found.name, found.url) == (text, name, url)


def test_words_that_say_nothing_are_no_licence_of_the_whole():
    assert of_the_whole(["MIT", "mit "]) == "mit"
    assert of_the_whole(["MIT", "CC0-1.0"]) == "other"
    assert of_the_whole(["ask the photographer"]) == "other"
    assert of_the_whole(["https://creativecommons.org/publicdomain/mark/1.0/"]) == "other"
    assert of_the_whole([]) == ""
