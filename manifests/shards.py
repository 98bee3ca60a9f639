"""WebDataset shards with reproducible bytes: fixed times, owners and order."""

import io
import json
import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from manifests import canonical
from manifests.errors import DatasetError
from manifests.records import Pair

Scalar = str | int | float


@dataclass(frozen=True)
class Sample:
    """One sample of a shard: a pair.

    Attributes:
        key: the sample's key, which is the pair's id.
        members: encoded images by name: `real` and each generator.
        metadata: the sample's JSON: flat, the same fields and types in all samples of a shard set.
    """

    key: str
    members: Mapping[str, bytes]
    metadata: Mapping[str, Scalar]


def metadata(pair: Pair) -> dict[str, Scalar]:
    """What a sample's JSON says: enough to filter and stratify by without the manifest."""
    return {
        "pair_id": pair.pair_id,
        "group_id": pair.group_id,
        "split": pair.split,
        "real_key": pair.real.key,
        "view": pair.frame.view,
        "framing": pair.frame.framing,
        "source": pair.real.source,
        "source_id": pair.real.source_id,
        "class_label": pair.real.class_label,
        "caption": pair.caption.cleaned,
        "license": pair.real.license,
        "width": pair.members["real"].width,
        "height": pair.members["real"].height,
        "generators": ",".join(sorted(pair.fakes)),
    }


def extension(data: bytes) -> str:
    """The member's extension: `jpg`, `png` or `webp`, by its first bytes."""
    if data.startswith(b"\x89PNG"):
        return "png"
    return "webp" if data[:4] == b"RIFF" else "jpg"


def write_shard(stream: IO[bytes], samples: Iterable[Sample]) -> None:
    """Write samples as an uncompressed tar; equal samples give equal bytes.

    A sample's files stand together: `<key>.json`, then `<key>.<member>.<extension>` in the order of the names.
    """
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for sample in samples:
            _add(tar, f"{sample.key}.json", canonical.dumps(dict(sample.metadata)))
            for name, data in sorted(sample.members.items()):
                _add(tar, f"{sample.key}.{name}.{extension(data)}", data)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o444
    tar.addfile(info, io.BytesIO(data))


def read_shard(stream: IO[bytes], name: str) -> Iterator[Sample]:
    """The samples of a shard, in order.

    Args:
        stream: the shard, open for reading; it is read once, front to back.
        name: its name, for errors.

    Raises:
        DatasetError: the shard is damaged.
    """
    key = ""
    members: dict[str, bytes] = {}
    fields: dict[str, Scalar] = {}
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for info in tar:
                base, _, field = posixpath.basename(info.name).partition(".")
                file = tar.extractfile(info)
                if file is None:
                    continue
                if key and base != key:
                    yield Sample(key, members, fields)
                    members, fields = {}, {}
                key = base
                data = file.read()
                if field == "json":
                    fields = json.loads(data)
                else:
                    members[field.rpartition(".")[0]] = data
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise DatasetError(f"{name}: damaged shard ({error}). Build it again, or fetch it again.") from error
    if key:
        yield Sample(key, members, fields)
