"""Published sets of labelled images that come as Parquet with one image a row; each by its name."""

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from manifests.records import GeneratorName
from sources.base import SourceName
from sources.fakes.labelled_rows import LabelledRows, LabelledRowSettings, RowLayout


class PublishedSettings(LabelledRowSettings):
    """Settings of sets that are found on the Hub when the recipe gives no place."""

    published: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _as_published(cls, settings: Any) -> Any:
        """The set's own repository, where the recipe names no place."""
        if not isinstance(settings, dict) or settings.get("path") or settings.get("repo"):
            return settings
        return {**settings, "repo": cls.published}


class DefactifyConfig(PublishedSettings):
    """Defactify: photographs of COCO, and fakes of five generators from their captions."""

    published: ClassVar[str] = "Rajarshi-Roy-research/Defactify_Image_Dataset"
    type: Literal["defactify"] = "defactify"
    name: SourceName = "defactify"
    generator: GeneratorName = "defactify"

    def open(self) -> LabelledRows:
        """The source that these settings describe."""
        layout = RowLayout(
            image="Image",
            label="Label_A",
            meanings={"0": "real", "1": "fake"},
            generator="Label_B",
            generators={
                "1": "stable_diffusion_2_1",
                "2": "sdxl",
                "3": "stable_diffusion_3",
                "4": "dalle_3",
                "5": "midjourney_v6",
            },
            prompt="Caption",
            pair="Caption",
        )
        return LabelledRows(self, layout)


class CommunityForensicsConfig(PublishedSettings):
    """Community Forensics (arXiv 2411.04125): fakes of thousands of generators; its small version has reals too."""

    published: ClassVar[str] = "OwensLab/CommunityForensics"
    type: Literal["community-forensics"] = "community-forensics"
    name: SourceName = "community-forensics"
    generator: GeneratorName = "community_forensics"
    split: str = Field(
        default="Systematic",
        min_length=1,
        description="Systematic, Manual, PublicEval or Commercial; train of the small one",
    )

    def open(self) -> LabelledRows:
        """The source that these settings describe."""
        layout = RowLayout(
            image="image_data",
            label="label",
            meanings={"0": "real", "1": "fake"},
            generator="model_name",
            prompt="prompt",
            settings=("architecture",),
            scores={"nsfw": "nsfw_flag"},
        )
        return LabelledRows(self, layout)


class OpenFakeConfig(PublishedSettings):
    """OpenFake: photographs of LAION and others, and fakes of many recent generators."""

    published: ClassVar[str] = "ComplexDataLab/OpenFake"
    type: Literal["openfake"] = "openfake"
    name: SourceName = "openfake"
    license: str = Field(
        default="CC BY-NC-SA 4.0",
        description="licence of the images, as it is recorded; some of its generators forbid commercial use",
    )
    generator: GeneratorName = "openfake"

    def open(self) -> LabelledRows:
        """The source that these settings describe."""
        return LabelledRows(self, RowLayout(image="image", label="label", generator="model", prompt="prompt"))


FakeTableConfig = CommunityForensicsConfig | DefactifyConfig | OpenFakeConfig
"""All of them."""
