"""The settings of all sources: the one place where a new source's file is named."""

from typing import Annotated

from pydantic import Field

from sources.archive import ArchiveConfig
from sources.coco import CocoConfig
from sources.fakes.diffusiondb import DiffusionDbConfig
from sources.fakes.elsa_d3 import ElsaD3Config
from sources.fakes.fake_folders import FakeFolderConfig
from sources.fakes.fake_tables import FakeTableConfig
from sources.fakes.image_columns import PairedParquetConfig
from sources.fakes.labelled_rows import LabelledParquetConfig
from sources.fakes.prompted_folder import PromptedFolderConfig
from sources.folder import FolderConfig
from sources.hub import HubConfig
from sources.imagenet import ImageNetConfig
from sources.laion import LaionConfig
from sources.open_images import OpenImagesConfig
from sources.prompts import PromptsConfig
from sources.url_list import UrlListConfig
from sources.webdataset import WebDatasetConfig

SourceConfig = Annotated[
    ArchiveConfig
    | CocoConfig
    | DiffusionDbConfig
    | ElsaD3Config
    | FakeFolderConfig
    | FakeTableConfig
    | LabelledParquetConfig
    | PairedParquetConfig
    | PromptedFolderConfig
    | PromptsConfig
    | FolderConfig
    | HubConfig
    | ImageNetConfig
    | LaionConfig
    | OpenImagesConfig
    | UrlListConfig
    | WebDatasetConfig,
    Field(discriminator="type"),
]
"""One source of a recipe, told by its `type`; `open()` gives the `Source`."""
