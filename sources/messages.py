"""What libraries say, as it may stand in a line for a person."""

from manifests.errors import printable

_LONGEST = 200  # characters


def one_line(error: Exception) -> str:
    """The first line of what an exception says, shortened and printable; its kind where it says nothing."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return printable(lines[0][:_LONGEST])
