"""What all sources of labelled images have in common: which of a set's images are taken, and as what they are recorded."""

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from manifests.errors import SourceError
from manifests.records import GeneratorName
from manifests.seeds import fraction
from sources.base import Listing, SourceSettings
from sources.choosing import name_of_pair

Meaning = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
"""What a label stands for: `real`, `fake`, or the name of the fakes' generator."""


class LabelledSettings(SourceSettings):
    """Settings of all sources of labelled images. The files of the sources derive their own from it."""

    license: str = Field(default="", description="licence of the images, as it is recorded")
    generator: GeneratorName = Field(description="what is recorded as the generator of fakes where the set names none")
    only: Literal["real", "fake"] | None = Field(default=None, description="take the images of one label alone")
    fraction: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="take this share of the images, those whose names have small hashes; pairs stay whole",
    )


def take(
    listings: Iterable[Listing], settings: LabelledSettings, place: str, key: Callable[[Listing], str] = name_of_pair
) -> Iterator[Listing]:
    """The images with the wanted label that belong to the wanted share; a smaller share is a part of a larger one.

    Args:
        listings: all images of a set; read once.
        settings: `only` and `fraction` are used.
        place: the set, for the error.
        key: what the hash is taken of.

    Raises:
        SourceError: there are none.
    """
    taken = 0
    for listing in listings:
        is_wanted = settings.only is None or (settings.only == "fake") == (listing.made is not None)
        if is_wanted and (settings.fraction >= 1 or fraction("share", key(listing)) < settings.fraction):
            taken += 1
            yield listing
    if not taken:
        asked = settings.model_dump(include={"only", "fraction"}, exclude_defaults=True)
        given = ", ".join(f"{name} = {value!r}" for name, value in asked.items())
        raise SourceError(f"{place}: no image passes the settings {given}" if given else f"{place}: holds no images")
