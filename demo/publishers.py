"""Small sets of images in the layouts in which publishers ship theirs: Parquet, tars of tars, zips with a JSON, folders."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.io

Files = Mapping[str, bytes]


def write_files(folder: Path, files: Files) -> None:
    """Files below a folder, by their paths in it."""
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def tar(files: Files) -> bytes:
    """A tar of files, without times and owners."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def write_imagenet_train(path: Path, classes: Mapping[str, Sequence[bytes]]) -> None:
    """`ILSVRC2012_img_train.tar`: a tar of `<wnid>.tar`, each of `<wnid>_<n>.JPEG`."""
    inner = {
        f"{wnid}.tar": tar({f"{wnid}_{number}.JPEG": data for number, data in enumerate(images, start=1)})
        for wnid, images in classes.items()
    }
    write_files(path.parent, {path.name: tar(inner)})


def write_imagenet_validation(path: Path, images: Sequence[bytes]) -> None:
    """`ILSVRC2012_img_val.tar`: flat, the images numbered from 1."""
    files = {f"ILSVRC2012_val_{number:08d}.JPEG": data for number, data in enumerate(images, start=1)}
    write_files(path.parent, {path.name: tar(files)})


def write_devkit(path: Path, words: Mapping[str, str], validation: Sequence[str] = ()) -> None:
    """`ILSVRC2012_devkit_t12.tar.gz`.

    Args:
        path: the file.
        words: by WordNet id, what the class is called. Their order gives the devkit's own numbers.
        validation: WordNet id of each validation image.
    """
    names = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children")
    synsets = np.zeros((len(words), 1), dtype=[(name, "O") for name in names])
    numbers = {wnid: number for number, wnid in enumerate(words, start=1)}
    for row, (wnid, word) in enumerate(words.items()):
        synsets[row, 0] = (float(numbers[wnid]), wnid, word, "a rendered scene", 0.0)
    table = io.BytesIO()
    scipy.io.savemat(table, {"synsets": synsets})
    truth = "".join(f"{numbers[wnid]}\n" for wnid in validation) or "1\n"
    folder = "ILSVRC2012_devkit_t12/data"
    files = {
        f"{folder}/meta.mat": table.getvalue(),
        f"{folder}/ILSVRC2012_validation_ground_truth.txt": truth.encode(),
    }
    write_files(path.parent, {path.name: gzip.compress(tar(files), mtime=0)})


def write_parquet(
    folder: Path, columns: Mapping[str, Sequence[Any]], classes: Mapping[str, Sequence[str]] | None = None
) -> None:
    """A set of the Hub: `data/train-00000-of-00001.parquet`.

    Args:
        folder: the set's folder.
        columns: by name; bytes are images, as a struct of `bytes` and `path`.
        classes: names of the classes of columns that hold numbers.
    """
    arrays = {name: _image_column(values) or pa.array(values) for name, values in columns.items()}
    features = {name: {"names": list(names), "_type": "ClassLabel"} for name, names in (classes or {}).items()}
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    place = folder / "data" / "train-00000-of-00001.parquet"
    place.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(arrays).replace_schema_metadata(told), place, row_group_size=16)


def _image_column(values: Sequence[Any]) -> pa.Array | None:
    if not isinstance(values[0], bytes):
        return None
    return pa.array(
        [{"bytes": data, "path": None} for data in values], pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    )


def write_laion(folder: Path, urls: Sequence[str], captions: Sequence[str]) -> None:
    """One part of laion2B-en-aesthetic."""
    count = len(urls)
    scores = {"similarity": 0.32, "punsafe": 0.01, "pwatermark": 0.1, "aesthetic": 6.5}
    table = pa.table(
        {
            "URL": list(urls),
            "TEXT": list(captions),
            "WIDTH": pa.array([256] * count, pa.int32()),
            "HEIGHT": pa.array([256] * count, pa.int32()),
            "hash": pa.array(range(count), pa.int64()),
            **{name: pa.array([score] * count, pa.float32()) for name, score in scores.items()},
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / "part-00000-5114fd87-c000.snappy.parquet")


def write_diffusiondb(folder: Path, images: Sequence[bytes], prompts: Sequence[str]) -> None:
    """`images/part-000001.zip`: images named by UUIDs, and what they were made with as JSON."""
    names = [f"{number:08x}-0000-4000-8000-000000000000.png" for number in range(len(images))]
    told = {
        name: {"p": prompt, "se": number, "c": 7.0, "st": 50, "sa": "k_lms"}
        for number, (name, prompt) in enumerate(zip(names, prompts, strict=True))
    }
    place = folder / "images" / "part-000001.zip"
    place.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(place, "w") as archive:
        for name, data in zip(names, images, strict=True):
            archive.writestr(zipfile.ZipInfo(name), data)
        archive.writestr(zipfile.ZipInfo("part-000001.json"), json.dumps(told))
