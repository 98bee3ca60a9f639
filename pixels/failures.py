"""From what a decoder raises to the reason why an image is dropped."""

from collections.abc import Iterator
from contextlib import contextmanager

from manifests.errors import InfrastructureError, RejectedItem
from manifests.records import Reason

_PNG_END = b"IEND\xaeB`\x82"


@contextmanager
def decoding(file_format: str, data: bytes = b"") -> Iterator[None]:
    """Turn every exception of a decoder into a `RejectedItem`; hostile bytes make one raise nearly anything.

    Args:
        file_format: as sniffed.
        data: the file's bytes, where they are at hand to tell a truncated file from a broken one.

    Raises:
        RejectedItem: `truncated` or `undecodable`.
        InfrastructureError: the machine has not enough memory: no fault of the file, whose size is checked beforehand.
    """
    try:
        yield
    except MemoryError as error:
        raise InfrastructureError(
            f"not enough memory to decode an image ({file_format}); free some, and run the same command again"
        ) from error
    except Exception as error:
        truncated = "truncated" in str(error).lower() or is_cut_short(file_format, data)
        reason = Reason.TRUNCATED if truncated else Reason.UNDECODABLE
        raise RejectedItem(reason, f"{file_format}: {error or type(error).__name__}") from error


def is_cut_short(file_format: str, data: bytes) -> bool:
    """Whether a container's own end is missing, which decoders forgive once they have all pixels.

    A JPEG's end cannot be looked for (its thumbnail has one too), and need not be: its decoder does miss it.
    """
    if not data:
        return False
    if file_format == "PNG":
        return _PNG_END not in data
    if file_format == "WEBP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    return False
