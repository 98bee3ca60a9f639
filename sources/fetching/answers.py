"""What the web answered: where a URL led, with which status and which content type."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

ANSWERS = "answers.jsonl"
"""The file in a fetch's folder with an `Answer` a line, in the order in which they came."""

_LONGEST = 2000  # characters of a text from the web that are kept

_FromTheWeb = Annotated[str, AfterValidator(lambda text: text[:_LONGEST])]


class Answer(BaseModel):
    """One attempt at one URL."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(description="what was asked for")
    final_url: _FromTheWeb = Field(default="", description="what answered, after redirects; empty where nothing did")
    status: int = Field(default=0, description="the HTTP status; 0 where there was none")
    content_type: _FromTheWeb = Field(default="", description="what the answer says it is")
    started: float = Field(description="seconds since the epoch")
    ended: float

    @property
    def redirected(self) -> bool:
        """Whether another URL answered than the one that was asked for."""
        return self.final_url not in ("", self.url)


class AnswerLog:
    """Appends answers to a file for as long as the process lives; one object serves all its threads."""

    def __init__(self, path: Path) -> None:
        """Append to this file; it is made if it is not there."""
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def add(self, answer: Answer) -> None:
        """Write one line, at once and as a whole: the process may be killed at any time."""
        os.write(self._descriptor, answer.model_dump_json().encode() + b"\n")


def read_answers(data: bytes) -> Iterator[Answer]:
    """The answers that a log holds."""
    return (Answer.model_validate_json(line) for line in data.splitlines())
