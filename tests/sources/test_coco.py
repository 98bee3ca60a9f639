"""COCO's captions files: licences of each image, human captions, images at hand or on the web."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from manifests.errors import RejectedItem, SourceError
from sources.base import Fetched
from sources.coco import CocoConfig

LICENSES = [
    ("http://creativecommons.org/licenses/by-nc-sa/2.0/", "Attribution-NonCommercial-ShareAlike License"),
    ("http://creativecommons.org/licenses/by-nc/2.0/", "Attribution-NonCommercial License"),
    ("http://creativecommons.org/licenses/by-nc-nd/2.0/", "Attribution-NonCommercial-NoDerivs License"),
    ("http://creativecommons.org/licenses/by/2.0/", "Attribution License"),
    ("http://creativecommons.org/licenses/by-sa/2.0/", "Attribution-ShareAlike License"),
    ("http://creativecommons.org/licenses/by-nd/2.0/", "Attribution-NoDerivs License"),
    ("http://flickr.com/commons/usage/", "No known copyright restrictions"),
    ("http://www.usa.gov/copyright.shtml", "United States Government Work"),
]
TERMS = ["research-only"] * 3 + ["open", "open", "research-only", "open", "open"]


def published() -> dict[str, Any]:
    """Eight images, one of each licence, five captions each; keys in the published order."""
    images = [
        {
            "license": number,
            "file_name": f"{number:012d}.jpg",
            "coco_url": f"http://images.cocodataset.org/train2017/{number:012d}.jpg",
            "height": 480,
            "width": 100 * number,
            "date_captured": "2013-11-14 11:18:45",
            "flickr_url": f"http://farm7.staticflickr.com/6116/{number}_z.jpg",
            "id": number,
        }
        for number in range(1, 9)
    ]
    annotations = [
        {"image_id": image, "id": 1000 - 10 * image - number, "caption": f"Caption {number} of {image}.\n"}
        for number in range(5)
        for image in range(1, 9)
    ]
    licenses = [{"url": url, "id": number, "name": name} for number, (url, name) in enumerate(LICENSES, start=1)]
    info = {"description": "COCO 2017 Dataset", "year": 2017}
    return {"info": info, "licenses": licenses, "images": images, "annotations": annotations}


Open = Callable[..., Any]


@pytest.fixture
def coco(tmp_path: Path) -> Open:
    def write(data: Any = None, **settings: Any) -> Any:
        path = tmp_path / "captions_train2017.json"
        path.write_text(json.dumps(published() if data is None else data))
        return CocoConfig.model_validate({"path": str(path)} | settings).open()

    return write


def test_an_image_comes_with_its_licence_and_its_first_caption(coco: Open):
    listings = list(coco().list())
    assert [entry.source_id for entry in listings] == [str(number) for number in range(1, 9)]
    assert [entry.license for entry in listings] == [url for url, _ in LICENSES]
    assert [entry.terms for entry in listings] == TERMS
    assert [entry.source_caption for entry in listings] == [f"Caption 4 of {number}." for number in range(1, 9)]
    assert listings[0].url == "http://images.cocodataset.org/train2017/000000000001.jpg"
    assert listings[0].landing_url == "http://farm7.staticflickr.com/6116/1_z.jpg"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"licenses": [4, 5, 7, 8]}, ["4", "5", "7", "8"]),
        ({"licenses": ["attribution license", "http://flickr.com/commons/usage/"]}, ["4", "7"]),
        ({"min_width": 300, "max_width": 500, "min_height": 480}, ["3", "4", "5"]),
        ({"limit": 2, "order": "source"}, ["1", "2"]),
    ],
)
def test_images_are_chosen_by_licence_and_size(coco: Open, settings: dict[str, Any], expected: list[str]):
    assert [entry.source_id for entry in coco(**settings).list()] == expected


def test_a_caption_is_drawn_by_seed(coco: Open):
    drawn = [entry.source_caption for entry in coco(caption="random").list()]
    assert drawn == [entry.source_caption for entry in coco(caption="random").list()]
    assert drawn != [entry.source_caption for entry in coco(caption="random", caption_seed=1).list()]
    assert {caption.partition(" of ")[0] for caption in drawn} > {"Caption 4"}
    turned = published()
    turned["annotations"].reverse()
    assert drawn == [entry.source_caption for entry in coco(turned, caption="random").list()]


def test_images_at_hand_are_read_from_a_folder_or_the_published_zip(coco: Open, tmp_path: Path):
    folder = tmp_path / "train2017"
    folder.mkdir()
    with zipfile.ZipFile(tmp_path / "train2017.zip", "w") as archive:
        archive.writestr("train2017/", b"")
        for number in range(1, 8):
            (folder / f"{number:012d}.jpg").write_bytes(bytes([number]))
            archive.writestr(f"train2017/{number:012d}.jpg", bytes([number]))
    for images in (folder, tmp_path / "train2017.zip"):
        source = coco(images=str(images))
        outcomes = [outcome for _, outcome in source.fetch(list(source.list()), tmp_path)]
        assert [outcome.data for outcome in outcomes[:7]] == [bytes([number]) for number in range(1, 8)]
        assert isinstance(outcomes[0], Fetched)
        assert outcomes[0].image.source_caption == "Caption 4 of 1."
        assert isinstance(outcomes[7], RejectedItem)


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        ({}, {"licenses": [9]}, "no licence 9, which `licenses` names; there are 1 (Attribution-NonCommercial-ShareA"),
        ({}, {"min_height": 481}, "licences and sizes leave none of 8 images"),
        ({"images": [{"id": 1}]}, {}, "images.0.license: Field required; give a captions file of COCO"),
        ({"annotations": [{"id": 1, "image_id": 1, "bbox": []}]}, {}, "annotations.0.caption: Field required"),
        ({"images": [published()["images"][0] | {"coco_url": "file:///x"}]}, {}, "image 1: no http(s) coco_url"),
        ({"images": [published()["images"][0] | {"license": 77}]}, {}, "image 1: licence 77 is none of the file's"),
    ],
)
def test_a_file_that_is_not_as_published_is_one_clear_line(
    coco: Open, change: dict[str, Any], settings: dict[str, Any], words: str
):
    with pytest.raises(SourceError) as caught:
        list(coco(published() | change, **settings).list())
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


def test_what_is_no_json_is_one_clear_line(coco: Open, tmp_path: Path):
    source = coco()
    (tmp_path / "captions_train2017.json").write_bytes(b"PK\x03\x04")
    with pytest.raises(SourceError, match=r"captions_train2017\.json: the file: Invalid JSON"):
        list(source.list())


def test_there_are_no_classes():
    with pytest.raises(ValidationError, match="name no classes"):
        CocoConfig(path="p", limit_per_class=2)
