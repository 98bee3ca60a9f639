"""One way to write a value as JSON, so that equal values are equal bytes and have equal digests."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def dumps(value: Any) -> bytes:
    """JSON as UTF-8 with sorted keys and no spaces; pydantic models by their JSON form.

    Raises:
        ValueError: the value holds NaN or an infinity, which JSON cannot say.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return _ENCODER.encode(value).encode()


def digest(value: Any) -> str:
    """The sha256 of the canonical JSON, as 64 hex digits."""
    return hashlib.sha256(dumps(value)).hexdigest()


def loads(data: bytes) -> Any:
    """The value that JSON bytes say.

    Raises:
        ValueError: they are not JSON.
    """
    return json.loads(data)
