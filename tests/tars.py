"""Tars of bytes that are at hand."""

import io
import tarfile
from collections.abc import Mapping


def tarred(files: Mapping[str, bytes], mode: str = "w", layout: int = tarfile.PAX_FORMAT) -> bytes:
    """The bytes of a tar; names may lead anywhere.

    Args:
        files: by name.
        mode: as `tarfile.open` has it: `w`, `w:gz`, ...
        layout: of the headers, as `tarfile` numbers it.
    """
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode, format=layout) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()
