"""What was looked at, how it is, and what to do."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from manifests.errors import printable

State = Literal["ok", "warning", "missing"]
"""`warning`: something will be slow or cannot be done, but builds run; `missing`: something that is needed is not there."""


class Finding(BaseModel):
    """One thing that was looked at."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="what was looked at")
    state: State
    found: str = Field(description="how it is, in one line")
    remedy: str = Field(default="", description="what to do about it; empty where nothing has to be done")


def ok(name: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(name=name, state="ok", found=printable(found))


def warning(name: str, found: str, remedy: str) -> Finding:
    """Builds run, but not as well as they might."""
    return Finding(name=name, state="warning", found=printable(found), remedy=printable(remedy))


def missing(name: str, found: str, remedy: str) -> Finding:
    """What is needed is not there."""
    return Finding(name=name, state="missing", found=printable(found), remedy=printable(remedy))
