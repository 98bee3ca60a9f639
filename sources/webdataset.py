"""WebDataset shards: tars in which adjacent files of one key are a sample. Images are read in place."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite, nan
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pydantic import Field, field_validator

from manifests.errors import RejectedItem, SourceError, printable
from manifests.records import ExistingFake, GeneratorName
from sources.base import Fetched, Listing, SourceName, SourceSettings
from sources.choosing import choose
from sources.image_files import accept_each, read_slice
from sources.messages import one_line
from sources.paths import FoundFile, find_files
from sources.tables.text_tables import check_utf8
from sources.tar_files import SUFFIXES, members, open_tar
from sources.tars import TarMember
from sources.terms import terms_of

_MEMBER = re.compile(r"((?:.*/|)[^.]+)[.]([^/]*)")  # the key ends at the first dot of the base name
_JSON = "json."
_URL = re.compile(r"https?://[^\s\x00-\x20]+", re.IGNORECASE)
_DIGITS = 9  # of a class number, the first of them
_SHOWN = 20  # fields, in errors
_LONGEST = 2**20  # bytes of a caption, a class or a sample's JSON


class WebDatasetConfig(SourceSettings):
    """Images in WebDataset shards.

    A field is what stands after the first dot of a member's name: `jpg`, `real.jpg`; `json.x` is a value of its JSON.
    """

    type: Literal["webdataset"] = "webdataset"
    name: SourceName = "webdataset"
    path: str = Field(
        description="a shard, a pattern of them (`train-{000000..000127}.tar`), or a folder of them: a path or fsspec URL"
    )
    image: tuple[str, ...] = Field(
        default=("jpg", "jpeg", "png", "webp"),
        min_length=1,
        description="fields of the image: the first that a sample has",
    )
    generator: GeneratorName | Literal[""] = Field(
        default="", description="what made the images, where all of them are fakes"
    )
    fakes: dict[GeneratorName, tuple[str, ...]] = Field(
        default={}, description="by generator, the fields of a sample's further images, which are fakes of the first"
    )
    caption: str = Field(
        default="", description="field of the caption, or of the prompt of fakes: `txt`, `json.caption`"
    )
    label: str = Field(default="", description="field of the class: `cls`, `json.class_label`")
    labels: tuple[str, ...] = Field(default=(), description="names of the classes, where `label` holds their numbers")
    url: str = Field(default="", description="field of the image's own URL: `json.url`")
    scores: dict[str, str] = Field(default={}, description='fields of numbers by name: `punsafe = "json.punsafe"`')
    license: str = Field(default="", description="licence of the images, as it is recorded")

    @field_validator("image")
    @classmethod
    def _no_json(cls, fields: tuple[str, ...]) -> tuple[str, ...]:
        if any(field.startswith(_JSON) for field in fields):
            raise ValueError("an image is a member of its own, never inside a JSON")
        return fields

    def open(self) -> "WebDataset":
        """The source that these settings describe."""
        return WebDataset(self)


@dataclass(frozen=True, slots=True)
class _Sample:
    """The members of one key.

    Attributes:
        place: shard and key, for errors.
        members: by field.
        texts: contents of the members that say something of the image, by field.
    """

    shard: str
    key: str
    place: str
    members: Mapping[str, TarMember]
    texts: Mapping[str, bytes]

    def says(self, field: str) -> Any:
        """What a field says: text, or a value of the sample's JSON; None where the sample has no such field."""
        if not field.startswith(_JSON):
            return self.texts[field].decode(errors="replace").strip() if field in self.texts else None
        try:
            content = json.loads(self.texts["json"]) if "json" in self.texts else {}
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{self.place}.json: not JSON ({one_line(error)}); make the shard anew") from error
        return content.get(field.removeprefix(_JSON)) if isinstance(content, dict) else None

    def text(self, field: str, names: Sequence[str] = ()) -> str:
        """What a field says, as text; with `names`, the name that a class number stands for."""
        value = self.says(field) if field else None
        if value is None or isinstance(value, dict | list):
            return ""
        text = str(value)
        check_utf8(text, f"{self.place}: field {field!r}")
        if names and text.isdecimal():
            number = int(text[:_DIGITS])
            if number >= len(names):
                raise SourceError(f"{self.place}: field {field!r}: {number} is none of the {len(names)} classes")
            return names[number]
        return text

    def first(self, fields: Sequence[str]) -> str:
        """The first of some fields that the sample has; empty where it has none."""
        return next((field for field in fields if field in self.members), "")


class WebDataset:
    """A `Source` over WebDataset shards."""

    def __init__(self, config: WebDatasetConfig) -> None:
        self._config = config

    @property
    def name(self) -> str:
        """The recipe's name for the source."""
        return self._config.name

    def list(self) -> Iterator[Listing]:
        """The images, shard by shard in their order, within the limits; headers and the fields asked for are read.

        Raises:
            SourceError: there is no such shard, it is damaged, or no sample has a field that the recipe names.
        """
        return choose(self._listings(), self._config)

    def fetch(
        self,
        listings: Sequence[Listing],
        workdir: Path,  # noqa: ARG002 - nothing is put down on the way
    ) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        """The bytes of the members, in the order of the listings.

        Raises:
            SourceError: a shard is gone, or shorter than when it was listed.
        """
        urls = {shard.name: shard.url for shard in _shards(self._config.path)}
        for shard, asked in groupby(listings, key=lambda listing: str(listing.location["shard"])):
            if shard not in urls:
                raise SourceError(f"{self._config.path}: {shard} is no longer there; list the source again")
            yield from self._fetch(urls[shard], [*asked])

    def _fetch(self, url: str, listings: Sequence[Listing]) -> Iterator[tuple[Listing, Fetched | RejectedItem]]:
        with open_tar(url) as stream:
            limit = self._config.max_bytes
            yield from accept_each(
                listings, lambda listing: read_slice(stream, listing, max_bytes=limit, label=url), self.name
            )

    def _listings(self) -> Iterator[Listing]:
        missing, present = self._fields(), set[str]()
        found = False
        for shard in _shards(self._config.path):
            for sample in _samples(shard, texts={_member_of(field) for field in self._fields()}):
                if len(present) < _SHOWN:
                    present.update(sample.members)
                missing = {field for field in missing if sample.says(field) is None}
                for listing in self._of_sample(sample):
                    found = True
                    yield listing
        wanted = [*sorted(missing), *(() if found else self._config.image)]
        if wanted:
            raise SourceError(
                f"{self._config.path}: no sample has a field {' or '.join(wanted)}; there are {', '.join(sorted(present))}"
            )

    def _fields(self) -> set[str]:
        """The fields that the recipe asks to say something."""
        config = self._config
        return {field for field in (config.caption, config.label, config.url, *config.scores.values()) if field}

    def _of_sample(self, sample: _Sample) -> Iterator[Listing]:
        """The image of a sample, and the fakes of it."""
        config = self._config
        if field := sample.first(config.image):
            yield self._listing(sample, field, config.generator, config.url)
        for generator, fields in config.fakes.items():
            if field := sample.first(fields):
                yield self._listing(sample, field, generator, "")

    def _listing(self, sample: _Sample, field: str, generator: str, url: str) -> Listing:
        config, member = self._config, sample.members[field]
        caption = sample.text(config.caption)
        return Listing(
            source_id=f"{sample.shard}/{sample.key}.{field}",
            location={"shard": sample.shard, "offset": member.offset, "size": member.size},
            url=_web(sample.text(url)),
            license=config.license,
            terms=terms_of(config.license),
            class_label=sample.text(config.label, config.labels),
            source_caption=caption,
            scores=self._scores(sample),
            made=ExistingFake(generator=generator, prompt=caption) if generator else None,
            pair=sample.key if config.fakes else "",
        )

    def _scores(self, sample: _Sample) -> dict[str, float]:
        scores = {}
        for name, field in self._config.scores.items():
            if text := sample.text(field):
                try:
                    score = float(text)
                except ValueError:
                    score = nan
                if not isfinite(score):
                    raise SourceError(f"{sample.place}: field {field!r}: {text!a:.40} is not a number")
                scores[name] = score
        return scores


def _web(url: str) -> str:
    """A URL that leads to the web; empty for any other."""
    return url if _URL.fullmatch(url) else ""


def _shards(path: str) -> list[FoundFile]:
    return find_files(path, SUFFIXES)


def _member_of(field: str) -> str:
    """The member that says what a field says."""
    return "json" if field.startswith(_JSON) else field


def _samples(shard: FoundFile, texts: Collection[str]) -> Iterator[_Sample]:
    """The samples of a shard; the members named by `texts` are read on the way."""
    with open_tar(shard.url) as stream:
        for key, members_ in groupby(_members(stream, shard.url, texts), key=itemgetter(0)):
            place = f"{shard.url}: {printable(key)}"
            found: dict[str, TarMember] = {}
            contents: dict[str, bytes] = {}
            for _, field, member, content in members_:
                if field in found:
                    raise SourceError(f"{place}.{printable(field)}: stands twice; make the shard anew")
                found[field] = member
                if content is not None:
                    contents[field] = content
            yield _Sample(shard.name, key, place, found, contents)


def _members(stream: BinaryIO, url: str, texts: Collection[str]) -> Iterator[tuple[str, str, TarMember, bytes | None]]:
    """Key, field and place of each member, and its content where it is asked for; names without a dot are passed over."""
    for member in members(stream, url):
        if (name := _MEMBER.fullmatch(member.path)) is None:
            continue
        key, field = name.groups()
        content = None
        if field in texts:
            if member.size > _LONGEST:
                raise SourceError(f"{url}: {printable(member.path)}: {member.size} bytes; {_LONGEST} at most are read")
            stream.seek(member.offset)
            content = stream.read(member.size)
        yield key, field, member, content
