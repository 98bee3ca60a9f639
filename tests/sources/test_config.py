"""The settings of sources as a recipe gives them."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from sources.config import SourceConfig

SOURCE: TypeAdapter[SourceConfig] = TypeAdapter(SourceConfig)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"type": "folder", "path": "photographs"}, "Folder"),
        ({"type": "imagenet", "path": "train.tar"}, "ImageNet"),
        ({"type": "laion", "path": "parts"}, "Laion"),
        ({"type": "coco", "path": "captions_train2017.json"}, "Coco"),
        ({"type": "url-list", "path": "list.csv"}, "UrlList"),
        ({"type": "open-images", "csv": "images.csv"}, "OpenImages"),
    ],
)
def test_the_type_says_which_source_it_is(settings: dict[str, Any], kind: str):
    config = SOURCE.validate_python(settings)
    source = config.open()
    assert type(source).__name__ == kind
    assert source.name == config.name == settings["type"]
    assert SOURCE.validate_python(settings | {"name": "mine"}).open().name == "mine"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"type": "flickr"}, "'folder'.*'imagenet'.*'open-images'"),
        ({"type": "folder"}, "path"),
        ({"type": "folder", "path": "p", "colour": "red"}, "colour"),
        ({"type": "folder", "path": "p", "limit": 0}, "limit"),
        ({"type": "folder", "path": "p", "order": "random"}, "order"),
        ({"type": "folder", "path": "p", "name": "My Photos"}, "name"),
        ({"type": "imagenet", "path": "p", "split": "test"}, "split"),
        ({"type": "imagenet", "path": "p.tar", "split": "validation", "limit_per_class": 3}, "names no classes"),
        ({"type": "open-images", "csv": "c", "limit_per_class": 3}, "name no classes"),
        ({"type": "open-images", "csv": "c", "fetch": {"deadline": 0}}, "deadline"),
        ({"type": "open-images", "csv": "c", "mirror": "file:///"}, "mirror"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], words: str):
    with pytest.raises(ValidationError, match=words):
        SOURCE.validate_python(settings)
