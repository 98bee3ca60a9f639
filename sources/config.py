"""The settings of all sources: the one place where a new source's file is named."""

from typing import Annotated

from pydantic import Field

from sources.folder import FolderConfig
from sources.imagenet import ImageNetConfig
from sources.open_images import OpenImagesConfig

SourceConfig = Annotated[FolderConfig | ImageNetConfig | OpenImagesConfig, Field(discriminator="type")]
"""One source of a recipe, told by its `type`; `open()` gives the `Source`."""
