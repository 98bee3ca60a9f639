"""Writes other people's datasets, in the forms in which they are published, and reads them."""

import csv
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from audit.foreign import open_foreign
from manifests.errors import DatasetError


def image(file_format: str = "JPEG", shade: int = 128) -> bytes:
    stream = BytesIO()
    Image.new("RGB", (8, 8), (shade, 90, 60)).save(stream, file_format)
    return stream.getvalue()


def put(root: Path, *names: str):
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image("PNG" if path.suffix.lower() == ".png" else "JPEG", number))


def rows(path: Path, *fields: str, **settings: Any):
    dataset = open_foreign(str(path), **settings)
    found = list(dataset)
    assert list(dataset) == found, "every pass gives the same"
    assert dataset.count == len(found)
    assert not any(item.problem for item in found)
    return [tuple(getattr(item, field) for field in ("name", "label", *fields)) for item in found]


def refused(path: Path, **settings: Any) -> str:
    with pytest.raises(DatasetError) as caught:
        list(open_foreign(str(path), **settings))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def hub(path: Path, labels: list[Any], *, names: list[str] | None = None, column: str = "label", **columns: list[Any]):
    """A file as the `datasets` library writes it: a struct of bytes and path, and the features in the metadata."""
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    if names:
        features[column] = {"names": names, "_type": "ClassLabel"}
    images = [{"bytes": image(shade=number), "path": "/etc/passwd"} for number in range(len(labels))]
    table = pa.table({"image": images, column: labels, **columns})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=2)
    return path


def listed(path: Path, lines: list[list[str]], *, delimiter: str = ",", encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(lines)
    return path
