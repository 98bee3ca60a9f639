"""A list of prompts, for sets of fakes that no real image belongs to. What is fetched is the prompt itself."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from manifests.errors import RejectedItem, SourceError
from sources.base import Fetched, Listing, SourceName, SourceSettings, accept
from sources.choosing import choose
from sources.tables.text_tables import is_table, read_table, read_text
from sources.terms import terms_of

VARIANT = "prompt"
"""`Listing.variant` of an item that is a prompt and no image."""


def item_bytes(prompt: str, source_id: str) -> bytes:
    """What stands for an item where others have the bytes of an image: the prompt and its number, in UTF-8."""
    return f"{prompt}\n{source_id.rpartition('-')[2]}".encode()


class PromptsConfig(SourceSettings):
    """Prompts out of a text file or a table."""

    type: Literal["prompts"] = "prompts"
    name: SourceName = "prompts"
    path: str = Field(
        description="a text file with one prompt a line, or a .csv, .tsv or .jsonl: a path or fsspec URL, .gz allowed"
    )
    column: str = Field(default="prompt", min_length=1, description="of a table: the one that holds the prompts")
    images_per_prompt: int = Field(default=1, gt=0, description="how many images are to be made from each prompt")
    license: str = Field(default="", description="licence of the prompts, as it is recorded")

    @model_validator(mode="after")
    def _classes_known(self) -> Self:
        if self.limit_per_class is not None:
            raise ValueError("limit_per_class: prompts have no classes; use limit")
        return self

    def open(self) -> "Prompts":
        """The source that these settings describe."""
        return Prompts(self)


class Prompts:
    """A `Source` of prompts. An item is one image that is to be made: `<row>-<k>`, k from 0.

    Its bytes are the prompt and k in UTF-8, a line each. So the same prompt in two rows gives the same items twice,
    and one of them is dropped as a duplicate.
    """

    def __init__(self, config: PromptsConfig) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The items in the order of the file, within the limits.

        Raises:
            SourceError: there is no such file, or a row of it holds no prompt.
        """
        return choose(self._listings(), self._config)

    def fetch(
        self,
        listings: Sequence[Listing],
        workdir: Path,  # noqa: ARG002 - nothing is put down on the way
    ) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        """The bytes that stand for the items, in the order of the listings; the file is not read again."""
        for listing in listings:
            yield listing, accept(listing, item_bytes(listing.source_caption, listing.source_id), self.name)

    def _listings(self) -> Iterator[Listing]:
        for row, prompt in self._prompts():
            for number in range(self._config.images_per_prompt):
                yield Listing(
                    source_id=f"{row}-{number}",
                    source_caption=prompt,
                    variant=VARIANT,
                    license=self._config.license,
                    terms=terms_of(self._config.license),
                )

    def _prompts(self) -> Iterator[tuple[int, str]]:
        """The prompts, each with the number of its row: of a table's rows, or of a text file's lines."""
        path, column = self._config.path, self._config.column
        if not is_table(path):
            yield from read_text(path)
            return
        for row in read_table(path):
            prompt = row.text(column)
            if not prompt:
                raise SourceError(f"{row.place}, {column!r}: empty; a prompt is expected. Remove the row")
            yield row.number, prompt
