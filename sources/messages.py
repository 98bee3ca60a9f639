"""What libraries and foreign files say, as it may stand in a line for a person."""

_LONGEST = 200  # characters


def printable(text: str) -> str:
    """Text without control characters: those of a terminal could hide or forge what stands before them."""
    return "".join(character if character.isprintable() else "?" for character in text)


def one_line(error: Exception) -> str:
    """The first line of what an exception says, shortened and printable; its kind where it says nothing."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return printable(lines[0][:_LONGEST])
