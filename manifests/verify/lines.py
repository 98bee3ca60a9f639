"""The lines of a JSON Lines file against their schema: all that are wrong are named, by line and field."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from manifests.records import Record
from manifests.storage import Folder
from manifests.verify.findings import Finding

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Line(Generic[R]):
    """One line.

    Attributes:
        number: counted from 1.
        data: its bytes, without the end of the line.
        record: what it says; None where it is damaged.
        findings: what is wrong with it.
    """

    number: int
    data: bytes
    record: R | None
    findings: tuple[Finding, ...] = ()


def read_lines(folder: Folder, name: str, kind: type[R], *, first: int = 1) -> Iterator[Line[R]]:
    """The lines of a file from line `first` on, each checked.

    Raises:
        FileNotFoundError: there is no such file.
    """
    with folder.open(name) as stream:
        for number, data in enumerate(stream, start=1):
            if number >= first:
                yield _checked(name, number, data.rstrip(b"\n"), kind)


def _checked(name: str, number: int, data: bytes, kind: type[R]) -> Line[R]:
    try:
        return Line(number, data, kind.model_validate_json(data))
    except ValidationError as error:
        complaints = error.errors(include_url=False, include_input=False, include_context=False)
        findings = []
        for complaint in complaints:
            field = ".".join(str(part) for part in complaint["loc"])
            text = f"{field}: {complaint['msg']}" if field else complaint["msg"]
            findings.append(Finding(file=name, place=f"line {number}", text=text))
        return Line(number, data, None, tuple(findings))
