"""COCO's JSON (https://cocodataset.org/#format-data): images, captions, and a category for `real` and each generator.

An annotation covers its whole image: what it says is where the image comes from.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from flows.exporting.files import FilesFormat
from flows.exporting.format import AllRows
from flows.exporting.rows import ImageRow
from manifests.licenses import resolve
from manifests.records import SPLITS, Split

_Entry = Callable[[int, ImageRow], dict[str, Any]]


@dataclass(frozen=True)
class _OfSplit:
    """The images of one split, numbered from 1, and the licences by whose place they are named."""

    all_rows: AllRows
    split: Split
    licenses: Sequence[str]

    def rows(self) -> Iterator[tuple[int, ImageRow]]:
        return enumerate((row for row in self.all_rows() if row.split == self.split), start=1)


@dataclass(frozen=True)
class CocoFormat(FilesFormat):
    """`images/<split>/`, `annotations/instances_<split>.json` and `annotations/captions_<split>.json`."""

    def place(self, row: ImageRow) -> str:
        """The split."""
        return f"images/{row.split}"

    def finish(self, rows: AllRows) -> None:
        """Write the two files of each split that has images."""
        licenses = sorted({row.license for row in rows()})
        head = {
            "info": {"description": self.header.name, "version": self.header.twinset},
            "licenses": [
                {"id": number, "name": text or "not stated", "url": resolve(text).url}
                for number, text in enumerate(licenses)
            ],
        }
        for split in SPLITS:
            of_split = _OfSplit(rows, split, licenses)
            if any(True for _ in of_split.rows()):
                instances = {**head, "categories": self._categories()}
                self._write(f"instances_{split}", instances, of_split, self._instance)
                self._write(f"captions_{split}", head, of_split, _caption)

    def _write(self, name: str, head: dict[str, Any], of_split: "_OfSplit", annotation: _Entry) -> None:
        with self.folder.create(f"annotations/{name}.json") as stream:
            stream.write(json.dumps(head).encode()[:-1])
            _write_list(stream, "images", (_image(number, row, of_split.licenses) for number, row in of_split.rows()))
            _write_list(stream, "annotations", (annotation(number, row) for number, row in of_split.rows()))
            stream.write(b"}")

    def _categories(self) -> list[dict[str, Any]]:
        named = [("real", "real"), *((name, "fake") for name in self.generators)]
        return [
            {"id": number, "name": name, "supercategory": kind} for number, (name, kind) in enumerate(named, start=1)
        ]

    def _instance(self, number: int, row: ImageRow) -> dict[str, Any]:
        return {
            "id": number,
            "image_id": number,
            "category_id": 1 if not row.label else 2 + self.generators.index(row.generator),
            "bbox": [0, 0, row.width, row.height],
            "area": row.width * row.height,
            "iscrowd": 0,
            "segmentation": [[0, 0, row.width, 0, row.width, row.height, 0, row.height]],
        }


def _image(number: int, row: ImageRow, licenses: Sequence[str]) -> dict[str, Any]:
    return {
        "id": number,
        "file_name": row.path,
        "width": row.width,
        "height": row.height,
        "license": licenses.index(row.license),
        "pair_id": row.pair_id,
        "label": row.label,
    }


def _caption(number: int, row: ImageRow) -> dict[str, Any]:
    return {"id": number, "image_id": number, "caption": row.caption}


def _write_list(stream: IO[bytes], name: str, entries: Iterable[dict[str, Any]]) -> None:
    """A further key of the object, whose list may be longer than memory."""
    stream.write(f', "{name}": ['.encode())
    for number, entry in enumerate(entries):
        stream.write((b",\n" if number else b"\n") + json.dumps(entry).encode())
    stream.write(b"]")
