"""What every format says of an image: one row."""

from manifests.dataset import Dataset
from manifests.records import IMAGE, LABELS, REAL, Pair, Record, Split
from manifests.shards import extension


class ImageRow(Record):
    """One exported image.

    Attributes:
        path: relative to the export, with `/`; empty where the image lies in the row itself.
        label: 0 real, 1 fake.
        generator: what made it; empty for a real image.
    """

    path: str
    label: int
    generator: str
    split: Split
    pair_id: str
    member: str
    group_id: str
    view: str
    source: str
    class_label: str
    caption: str
    license: str
    width: int
    height: int
    sha256: str


COLUMNS = tuple(ImageRow.model_fields)
LABEL_NAMES = tuple(sorted(LABELS, key=lambda name: LABELS[name]))


def row_of(pair: Pair, member: str) -> ImageRow:
    """The row of one of a pair's members, or of the image that stands alone; its path is not known yet."""
    if member == IMAGE:
        label, generator = pair.label, pair.generator
    else:
        label, generator = (LABELS["real"], "") if member == REAL else (LABELS["fake"], member)
    image = pair.members[member]
    return ImageRow(
        path="",
        label=label,
        generator=generator,
        split=pair.split,
        pair_id=pair.pair_id,
        member=member,
        group_id=pair.group_id,
        view=pair.frame.view,
        source=pair.image.source,
        class_label=pair.image.class_label,
        caption=pair.caption.cleaned,
        license=pair.image.license,
        width=image.width,
        height=image.height,
        sha256=image.sha256,
    )


def file_name(row: ImageRow, data: bytes) -> str:
    """The name of an image's file: that of its member in the shards."""
    return f"{row.pair_id}.{row.member}.{extension(data)}"


def generators_of(dataset: Dataset) -> list[str]:
    """All generators that a dataset has fakes of, those included that its sources name."""
    named = {row_of(pair, member).generator for pair in dataset.pairs() for member in pair.members}
    return sorted(named - {""})
