"""Groups of the cross-validation: pairs, near-duplicates and classes."""

import io

import numpy as np
from PIL import Image

from audit.dead_leaves import DeadLeaves
from audit.grouping import group_names, near_duplicates
from audit.seen import Job, Seen, Tag, look_at


def seen(number: int, *, quality: int = 95, class_label: str = "", pair: str = "") -> Seen:
    stream = io.BytesIO()
    Image.fromarray(DeadLeaves(number, 64).pixels).save(stream, "JPEG", quality=quality)
    name = f"{number}-{quality}"
    found = look_at(Job(Tag(name, pair or name, 0, class_label=class_label), stream.getvalue(), with_statistics=False))
    assert isinstance(found, Seen)
    assert found.statistics is None
    return found


def test_an_image_that_was_saved_again_is_found_and_others_are_not():
    images = [*(seen(number) for number in range(12)), seen(3, quality=60)]
    assert near_duplicates(images) == [(3, 12)]
    groups = group_names(images, "unpaired")
    assert groups["3-95"] == groups["3-60"]
    assert len(set(groups.values())) == 12


def test_pairs_are_groups_whatever_they_show():
    images = [seen(1, pair="a"), seen(2, pair="a"), seen(1, quality=60, pair="b")]
    groups = group_names(images, "paired")
    assert groups["1-95"] == groups["2-95"] != groups["1-60"]


def test_classes_are_groups_where_there_are_many():
    first = seen(0)
    hashes = np.random.default_rng(0).integers(0, 2**63, 120)

    def images(classes: int) -> list[Seen]:
        return [
            Seen(
                tag=Tag(str(index), str(index), 0, class_label=f"class {index % classes}"),
                size=first.size,
                sha256=first.sha256,
                phash=int(phash),
                headers=first.headers,
                small=first.small,
                bordered=False,
                statistics=None,
                thumbnails=None,
            )
            for index, phash in enumerate(hashes)
        ]

    assert len(set(group_names(images(60), "unpaired").values())) == 60
    assert len(set(group_names(images(10), "unpaired").values())) == 120
