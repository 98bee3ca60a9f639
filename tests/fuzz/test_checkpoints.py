"""Files of weights from anywhere: read without unpickling, and never larger in memory than they are."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.fuzz.harness import Target, survive


def _tensors() -> dict[str, object]:
    import torch

    return {"fc.weight": torch.arange(12.0).reshape(3, 4), "fc.bias": torch.zeros(3, dtype=torch.float16)}


@cache
def safetensors_files() -> tuple[bytes, ...]:
    """A whole file, one whose header is said to be huge, and one whose tensors lie outside of it."""
    from safetensors.torch import save

    whole = save(_tensors())  # type: ignore[arg-type]
    outside = json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    return (
        whole,
        (2**62).to_bytes(8, "little") + whole[8:],
        len(outside).to_bytes(8, "little") + outside + bytes(16),
        (90 * 2**20).to_bytes(8, "little") + b"{" * 2000,
    )


class _Program:
    """What would run a program, were it unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return eval, ("open('canary', 'w')",)


@cache
def torch_files() -> tuple[bytes, ...]:
    """Checkpoints in both of torch's formats, and two that hold a program."""
    import torch

    found = []
    for content in (_tensors(), {"model_state_dict": _tensors(), "epoch": 3, "args": {"lr": 0.1}}):
        for is_zip in (True, False):
            stream = io.BytesIO()
            torch.save(content, stream, _use_new_zipfile_serialization=is_zip)
            found.append(stream.getvalue())
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(_Program()))
        archive.writestr("archive/version", "3")
    return (*found, pickle.dumps(_Program()), stream.getvalue())


def _read(file: Path) -> None:
    from classifier.checkpoints import read_weights

    read_weights(file)


TARGETS = [
    Target(
        "weights, safetensors",
        "model.safetensors",
        safetensors_files,
        _read,
        (b"[", b"18446744073709551615", b"BOOL"),
        examples=60,
    ),
    Target(
        "weights, torch",
        "model.pt",
        torch_files,
        _read,
        (b"c__builtin__\neval\n", b"R", b"\x80\x02", b"B\xff\xff\xff\x7f"),
        examples=60,
    ),
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_damaged_weights_are_read_or_refused_in_one_line(target: Target, tmp_path: Path):
    outcomes = survive(target, tmp_path)

    assert outcomes["refused"]
