"""What a verification finds: one thing that is wrong, and where."""

from manifests.records import Record


class Finding(Record):
    """One thing that is wrong.

    Attributes:
        file: relative path inside the dataset; a stage's name for what is wrong with a build.
        place: where in the file: `line 7`, a member of a shard; empty for the file as a whole.
        text: what was found, and what was expected.
    """

    file: str
    place: str
    text: str

    def __str__(self) -> str:
        where = f"{self.file}, {self.place}" if self.place else self.file
        line = f"{where}: {self.text}"
        # names and values are foreign data, and may hold anything
        return "".join(character if character.isprintable() else "?" for character in line)
