"""Open Images by image list and by class, from the label and box files."""

import csv
import gzip
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from manifests.errors import SourceError
from sources.open_images import HEADER, OpenImagesConfig

IDS = [f"{number:015x}a" for number in range(6)]
CAT, DOG, CAR = "/m/01yrx", "/m/0bt9lr", "/m/0k4j"
DESCRIPTIONS = f"{CAT},Cat\n{DOG},Dog\n{CAR},Car\n/m/0pg52,Taxi\n/m/x1,Bat\n/m/x2,Bat\n"
LABELS = [
    (IDS[0], "verification", CAT, "1"),
    (IDS[0], "verification", DOG, "1"),
    (IDS[1], "verification", CAT, "0"),
    (IDS[1], "machine", DOG, "0.7"),
    (IDS[2], "crowdsource-verification", CAR, "1"),
    ("ffffffffffffffff", "verification", CAT, "1"),
]
# ImageID, LabelName, IsOccluded, IsTruncated, IsGroupOf, IsDepiction, IsInside
BOXES = [
    (IDS[3], DOG, "0", "1", "0", "0", "0"),
    (IDS[3], CAT, "1", "0", "1", "0", "0"),
    (IDS[4], CAT, "-1", "-1", "-1", "-1", "-1"),
    (IDS[5], CAR, "0", "0", "0", "1", "0"),
]
BOX_HEADER = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
)
V6_COLUMNS = ",XClick1X,XClick2X,XClick3X,XClick4X,XClick1Y,XClick2Y,XClick3Y,XClick4Y"

Chosen = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six images, and the files that say something of them."""
    folder = tmp_path_factory.mktemp("open-images")
    with (folder / "images.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, HEADER, restval="", lineterminator="\n")
        writer.writeheader()
        rows = ({"ImageID": name, "Subset": "train", "OriginalURL": f"https://a.org/{name}.jpg"} for name in IDS)
        writer.writerows(rows)
    (folder / "names.csv").write_text(DESCRIPTIONS)
    (folder / "names-v7.csv").write_text(f"LabelName,DisplayName\n{DESCRIPTIONS}")
    labels = "ImageID,Source,LabelName,Confidence\n" + "".join(",".join(row) + "\n" for row in LABELS)
    (folder / "labels.csv").write_text(labels)
    (folder / "labels.csv.gz").write_bytes(gzip.compress(labels.encode()))
    for name, more, values in (("boxes.csv", "", ""), ("boxes-v6.csv", V6_COLUMNS, ",0" * 8)):
        lines = [
            f"{image},xclick,{label},1,0.1,0.9,0.1,0.9,{','.join(flags)}{values}" for image, label, *flags in BOXES
        ]
        (folder / name).write_text("\n".join([BOX_HEADER + more, *lines]) + "\n")
    (folder / "list.txt").write_text(f"train/{IDS[3]}\ntrain/{IDS[0]}\n\nvalidation/{IDS[5]}\n")
    (folder / "other.txt").write_text("test/fffffffffffffff0\n")
    return folder


def settings_of(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    files = ("ids", "image_labels", "boxes", "class_descriptions")
    return {"csv": str(folder / "images.csv")} | {
        name: str(folder / value) if name in files else value for name, value in settings.items()
    }


@pytest.fixture
def chosen(published: Path) -> Chosen:
    """Class by the number of the image."""

    def choose(**settings: Any) -> dict[int, str]:
        source = OpenImagesConfig.model_validate(settings_of(published, settings)).open()
        return {IDS.index(entry.source_id): entry.class_label for entry in source.list()}

    return choose


NAMES: dict[str, Any] = {"class_descriptions": "names.csv"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, dict.fromkeys(range(6), "")),
        ({"ids": "list.txt"}, {0: "", 3: "", 5: ""}),
        ({"classes": [CAT], "image_labels": "labels.csv"}, {0: CAT}),
        ({"classes": [CAT], "image_labels": "labels.csv.gz"}, {0: CAT}),
        ({"classes": ["Cat", "Dog"], "image_labels": "labels.csv"} | NAMES, {0: "Cat"}),
        ({"classes": ["dog", "Cat"], "image_labels": "labels.csv", "class_descriptions": "names-v7.csv"}, {0: "dog"}),
        ({"classes": [DOG, CAT], "image_labels": "labels.csv", "min_confidence": 0.5}, {0: DOG, 1: DOG}),
        ({"classes": [CAT, DOG], "boxes": "boxes.csv"}, {3: CAT, 4: CAT}),
        ({"classes": [CAT, DOG], "boxes": "boxes-v6.csv", "without": ["group_of"]}, {3: DOG, 4: CAT}),
        ({"classes": [CAT, DOG], "boxes": "boxes.csv", "without": ["occluded", "truncated"]}, {4: CAT}),
        (
            {"classes": ["Car", CAT], "boxes": "boxes.csv", "image_labels": "labels.csv"} | NAMES,
            {0: CAT, 2: "Car", 3: CAT, 4: CAT, 5: "Car"},
        ),
        ({"classes": [CAT, CAR], "boxes": "boxes.csv", "ids": "list.txt"}, {3: CAT, 5: CAR}),
        ({"classes": [CAT, CAR], "boxes": "boxes.csv", "limit_per_class": 1, "order": "source"}, {3: CAT, 5: CAR}),
    ],
)
def test_images_are_chosen_by_list_and_class(chosen: Chosen, settings: dict[str, Any], expected: dict[int, str]):
    assert chosen(**settings) == expected


def test_wanted_images_that_are_not_there_are_counted(chosen: Chosen, caplog: pytest.LogCaptureFixture):
    chosen(classes=[CAT], image_labels="labels.csv")
    assert "images.csv: 1 of 2 wanted images are not in it" in caplog.text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ids": "images.csv"}, "images.csv: line 1: 'ImageID,Subset"),
        ({"ids": "nowhere.txt"}, "nowhere.txt: there is no such file"),
        ({"classes": ["Taxi"], "boxes": "boxes.csv"} | NAMES, "boxes.csv: no wanted image bears Taxi"),
        ({"ids": "other.txt"}, "images.csv: none of the 1 wanted images is in it"),
        ({"classes": ["Kat"], "boxes": "boxes.csv"} | NAMES, "no class 'Kat'; names that are alike: Cat"),
        ({"classes": ["zzz"], "boxes": "boxes.csv"} | NAMES, "no class 'zzz'; no name in it is alike"),
        ({"classes": ["/m/0none"], "boxes": "boxes.csv"} | NAMES, "no class '/m/0none'"),
        ({"classes": ["Bat"], "boxes": "boxes.csv"} | NAMES, "class 'Bat' stands for /m/x1, /m/x2; name one of these"),
        ({"classes": ["Cat"], "boxes": "boxes.csv"}, "no class 'Cat'; give class_descriptions"),
        ({"classes": [CAT], "boxes": "labels.csv", "without": ["inside"]}, "labels.csv: line 1: no column IsInside"),
        (
            {"classes": [CAT], "image_labels": "names.csv"},
            "names.csv: line 1: no column ImageID; there are /m/01yrx, Cat",
        ),
        (
            {"classes": ["Cat"], "boxes": "boxes.csv", "class_descriptions": "labels.csv"},
            "line 1: 4 columns, LabelName",
        ),
    ],
)
def test_files_that_do_not_fit_are_one_clear_line(published: Path, settings: dict[str, Any], words: str):
    source = OpenImagesConfig.model_validate(settings_of(published, settings)).open()
    with pytest.raises(SourceError) as caught:
        list(source.list())
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"classes": ["Cat"]}, "give the file that says which images bear them"),
        ({"boxes": "b"}, "say which classes to take"),
        ({"classes": ["Cat"], "image_labels": "l", "without": ["inside"]}, "only boxes have flags"),
        ({"classes": ["Cat"], "boxes": "b", "without": ["dull"]}, "without"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings: dict[str, Any], words: str):
    with pytest.raises(ValidationError, match=words):
        OpenImagesConfig.model_validate({"csv": "c"} | settings)
