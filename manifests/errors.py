"""The exceptions of the project.

TwinsetError            anything a person can act on; its text is one line that says what to do
├── RecipeError         a recipe that cannot be read: file, table, key, what was expected
├── SourceError         a source that is missing or not in its published format
├── ModelError          a model folder or id that cannot be loaded
├── InfrastructureError a machine failed: memory, device, disk; the same work may succeed on a second try
├── DatasetError        a dataset or build folder that is not what it should be
└── GateError           a run that stopped at one of its own limits: drop rate, audit
RejectedItem            one item fails: it carries the `Reason`, and never stops a run
"""

from pydantic import ValidationError

from manifests.records import Reason


class TwinsetError(Exception):
    """An error for a person: one line that names the place, what was expected and what to do."""


class RecipeError(TwinsetError):
    """The recipe cannot be read or holds a wrong value."""


class SourceError(TwinsetError):
    """A source is missing, or its files are not in the published format."""


class ModelError(TwinsetError):
    """A model cannot be found or loaded."""


class InfrastructureError(TwinsetError):
    """A machine failed: its memory, its device or its disk. No item is to blame, and a second try may succeed."""


class DatasetError(TwinsetError):
    """A dataset or a build folder is missing, incomplete, damaged or another recipe's."""


class GateError(TwinsetError):
    """A run passed one of its own limits (drop rate, audit) and stopped."""


class RejectedItem(Exception):  # noqa: N818 - an outcome of one item, not an error of the run
    """One item is dropped.

    Attributes:
        reason: why, as counted in the reports.
        detail: what was found, for a person; no timings and no machine paths (it is stored in `rejects.jsonl`).
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


def first_complaint(error: ValidationError) -> str:
    """The first of pydantic's complaints, as one line of printable text: foreign data can put anything into it."""
    details = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in details["loc"])
    text = f"{place}: {details['msg']}" if place else str(details["msg"])
    return printable(text)


def first_line(error: Exception) -> str:
    """The first line of what an exception of somebody else's code says, printable; its kind where it says nothing."""
    return printable(str(error).strip().partition("\n")[0]) or type(error).__name__


def printable(text: str) -> str:
    """Text as a terminal may show it: what is not printable (control characters, line breaks) becomes `?`.

    Names and captions of foreign data could otherwise move the cursor, or hide what stands before them.
    """
    return "".join(character if character.isprintable() else "?" for character in text)
