"""WebDataset shards with reproducible bytes: fixed times, owners and order."""

import io
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Self

from pydantic import TypeAdapter, ValidationError

from manifests import canonical
from manifests.errors import DatasetError, first_complaint
from manifests.parts import AnyPair, MemberPart
from manifests.records import IMAGE, REAL, Member

Scalar = str | int | float

_FIELDS = TypeAdapter(dict[str, Scalar])
_READ_AT_ONCE = 2**16
"""Bytes; tarfile's own 10 kB take Python twice as long."""
FILE_NAME = re.compile(r"(?P<key>[A-Za-z0-9_-]{1,100})\.(?:json|(?P<member>[a-z0-9_]{1,100})\.(?:jpg|png|webp))")
"""What a sample's files are called: the key, and the member's name where it is no JSON."""


@dataclass(frozen=True)
class Sample:
    """One sample of a shard: a pair.

    Attributes:
        key: the sample's key, which is the pair's id.
        members: encoded images by name: `real` and each generator; `image` alone where it stands alone.
        metadata: the sample's JSON: flat, the same fields and types in all samples of a shard set.
    """

    key: str
    members: Mapping[str, bytes]
    metadata: Mapping[str, Scalar]


def metadata(pair: AnyPair) -> dict[str, Scalar]:
    """What a sample's JSON says: enough to filter and stratify by without the manifest.

    The fields are the same for all pairs, and others for all images that stand alone: those say label, generator and
    prompt.
    """
    return _of_single(pair) if pair.is_single else _of_pair(pair)


def _of_pair(pair: AnyPair) -> dict[str, Scalar]:
    return {
        "pair_id": pair.pair_id,
        "group_id": pair.group_id,
        "split": pair.split,
        "real_key": pair.image.key,
        "view": pair.frame.view,
        "framing": pair.frame.framing,
        "source": pair.image.source,
        "source_id": pair.image.source_id,
        "class_label": pair.image.class_label,
        "caption": pair.caption.cleaned,
        "license": pair.image.license,
        "width": shown(pair).width,
        "height": shown(pair).height,
        "generators": ",".join(sorted(pair.fakes)),
    }


def _of_single(pair: AnyPair) -> dict[str, Scalar]:
    return {
        "pair_id": pair.pair_id,
        "group_id": pair.group_id,
        "split": pair.split,
        "label": pair.label,
        "generator": pair.generator,
        "prompt": pair.image.prompt,
        "image_key": pair.image.key,
        "view": pair.frame.view,
        "framing": pair.frame.framing,
        "source": pair.image.source,
        "source_id": pair.image.source_id,
        "pair": pair.image.pair,
        "class_label": pair.image.class_label,
        "caption": pair.caption.cleaned,
        "license": pair.image.license,
        "width": shown(pair).width,
        "height": shown(pair).height,
    }


def shown(pair: AnyPair) -> Member | MemberPart:
    """The real member of a pair, or the image that stands alone."""
    return pair.members[IMAGE if pair.is_single else REAL]


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
        DatasetError: the shard is damaged or cut short, or holds something else than samples.
    """
    key = ""
    members: dict[str, bytes] = {}
    fields: dict[str, Scalar] = {}
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_READ_AT_ONCE, tarinfo=_Header) as tar:
            for info in tar:
                base, member = _split_name(info)
                if key and base != key:
                    yield _sample(key, members, fields)
                    members, fields = {}, {}
                key = base
                data = _content(tar, info)
                if member in members or (not member and fields):
                    raise tarfile.ReadError(f"{info.name} stands twice")
                if member:
                    members[member] = data
                else:
                    fields = _FIELDS.validate_json(data)
            if key:
                yield _sample(key, members, fields)
    except (tarfile.TarError, ValueError, EOFError, RecursionError) as error:
        what = first_complaint(error) if isinstance(error, ValidationError) else str(error)
        raise DatasetError(f"{name}: damaged shard ({what}). Build it again, or fetch it again.") from error


class _Header(tarfile.TarInfo):
    """A tar header that has to be whole: tarfile takes a broken or missing one for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if buf == bytes(tarfile.BLOCKSIZE):  # the zeros that end an archive
                raise
            raise tarfile.ReadError(str(error)) from error


def _split_name(info: tarfile.TarInfo) -> tuple[str, str]:
    """The sample's key, and the member's name (empty for the JSON)."""
    match = FILE_NAME.fullmatch(info.name)
    if match is None:
        raise tarfile.ReadError(f"{info.name!r:.100} is not the name of a sample's file")
    return match["key"], match["member"] or ""


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    # a link would read another file, and a sparse file is as large as its header likes
    file = None if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.issparse() else tar.extractfile(info)
    if file is None:
        raise tarfile.ReadError(f"{info.name} is not a plain file")
    return file.read()


def _sample(key: str, members: dict[str, bytes], fields: dict[str, Scalar]) -> Sample:
    if not fields or not members:
        raise tarfile.ReadError(f"sample {key} has no {'image' if fields else '.json'}")
    return Sample(key, members, fields)
