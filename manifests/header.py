"""The first line of `manifest.jsonl`: all that the lines after it rest on."""

from typing import Any

from pydantic import Field

from manifests.records import SCHEMA_VERSION, DatasetName, JpegCoding, Record, ShardName, Split


class ShardInfo(Record):
    """One shard."""

    name: ShardName = Field(description="file name under `shards/`")
    split: Split = Field(description="all its samples are of this split")
    view: str = Field(description="all samples of a shard have the same view, so the same fields")
    pairs: int = Field(ge=0, description="how many samples it has")


class Header(Record):
    """What a dataset was made with."""

    schema_version: int = Field(default=SCHEMA_VERSION, description="of header and records; see Versions")
    twinset: str = Field(description="version that wrote the dataset")
    name: DatasetName = Field(description="the recipe's")
    salt: str = Field(description="what seeds and splits are drawn from")
    recipe: dict[str, Any] = Field(description="the recipe, its defaults filled in; paths as the recipe gives them")
    generators: list[str] = Field(description="the recipe's names for them")
    views: list[str] = Field(description="the recipe's names for them")
    pairs_per_shard: int = Field(description="at most")
    shards: list[ShardInfo] = Field(description="in the manifest's order")
    encoders: dict[str, str] = Field(description="versions of the libraries that wrote the pixels")
    jpeg_tables: dict[str, tuple[tuple[int, ...], ...]] = Field(
        description="quantisation tables by digest, as the pairs' `jpeg_tables` and `facts.jpeg_tables` name them"
    )

    def coding(self, digest: str, subsampling: str) -> JpegCoding:
        """The JPEG coding that a pair names.

        Raises:
            KeyError: the header does not hold these tables.
        """
        return JpegCoding.model_validate({"tables": self.jpeg_tables[digest], "subsampling": subsampling})
