"""Published sets of labelled images that come as folders; each by its name."""

from typing import Literal

from pydantic import Field

from manifests.records import GeneratorName
from sources.base import SourceName
from sources.fakes import folder_layouts
from sources.fakes.labelled import Meaning
from sources.fakes.labelled_folders import LabelledFolders, LabelledFolderSettings
from sources.fakes.prompt_files import PromptTable

_UNKNOWN = "unknown"


class GenImageConfig(LabelledFolderSettings):
    """GenImage, one of its generators, or tiny-genimage: reals of ImageNet, fakes of eight generators."""

    type: Literal["genimage"] = "genimage"
    name: SourceName = "genimage"
    license: str = Field(default="CC BY-NC-SA 4.0", description="licence of the images, as it is recorded")
    generator: GeneratorName = "genimage"

    def open(self) -> LabelledFolders:
        """The source that these settings describe."""
        return LabelledFolders(self, folder_layouts.genimage())


class DdaConfig(LabelledFolderSettings):
    """The training set of Dual Data Alignment: photographs of COCO and their reconstructions, in pairs."""

    type: Literal["dda"] = "dda"
    name: SourceName = "dda"
    generator: GeneratorName = "dda"

    def open(self) -> LabelledFolders:
        """The source that these settings describe."""
        return LabelledFolders(self, folder_layouts.paired("DDA's folders {real,fake}"))


class EvalGenConfig(LabelledFolderSettings):
    """EvalGEN: fakes of five recent generators, and no reals."""

    type: Literal["evalgen"] = "evalgen"
    name: SourceName = "evalgen"
    generator: GeneratorName = "evalgen"

    def open(self) -> LabelledFolders:
        """The source that these settings describe."""
        return LabelledFolders(self, folder_layouts.evalgen())


class Df40Config(LabelledFolderSettings):
    """DF40: frames of faces that forty methods swapped, reenacted, synthesised or edited."""

    type: Literal["df40"] = "df40"
    name: SourceName = "df40"
    license: str = Field(default="CC BY-NC 4.0", description="licence of the images, as it is recorded")
    generator: GeneratorName = "df40"

    def open(self) -> LabelledFolders:
        """The source that these settings describe."""
        return LabelledFolders(self, folder_layouts.df40())


class ArtArtAiConfig(LabelledFolderSettings):
    """ArtArtAI: paintings and generated art."""

    type: Literal["artartai"] = "artartai"
    name: SourceName = "artartai"
    generator: GeneratorName = "artartai"

    def open(self) -> LabelledFolders:
        """The source that these settings describe."""
        return LabelledFolders(self, folder_layouts.named("ArtArtAI's folders {AiArtData,RealArt}"))


class SuperGenAiConfig(LabelledFolderSettings):
    """Super_GenAI."""

    type: Literal["super-genai"] = "super-genai"
    name: SourceName = "super-genai"
    generator: GeneratorName = "super_genai"

    def open(self) -> LabelledFolders:
        """The source that these settings describe."""
        return LabelledFolders(self, folder_layouts.named("Super_GenAI's folders {Fake,Real}"))


class SynthbusterConfig(LabelledFolderSettings):
    """Synthbuster, a test set: fakes of nine generators from descriptions of the photographs of RAISE-1k."""

    type: Literal["synthbuster"] = "synthbuster"
    name: SourceName = "synthbuster"
    generator: GeneratorName = "synthbuster"

    def open(self) -> LabelledFolders:
        """The source that these settings describe."""
        prompts = PromptTable(
            f"{self.path}/prompts.csv",
            file_column="image name (matching Raise-1k)",
            prompt_column="Prompt",
            required=False,
        )
        return LabelledFolders(self, folder_layouts.synthbuster(prompts.prompt))


class WildRfConfig(LabelledFolderSettings):
    """WildRF: what people posted as real and as generated, by platform."""

    type: Literal["wildrf"] = "wildrf"
    name: SourceName = "wildrf"
    generator: GeneratorName = "wild"

    def open(self) -> LabelledFolders:
        """The source that these settings describe."""
        return LabelledFolders(self, folder_layouts.wildrf())


class ChameleonConfig(LabelledFolderSettings):
    """Chameleon, a test set: fakes that people took for photographs."""

    type: Literal["chameleon"] = "chameleon"
    name: SourceName = "chameleon"
    generator: GeneratorName = "chameleon"

    def open(self) -> LabelledFolders:
        """The source that these settings describe."""
        return LabelledFolders(self, folder_layouts.unnamed("Chameleon's folders test/{0_real,1_fake}"))


class AigcDetectBenchmarkConfig(LabelledFolderSettings):
    """AIGCDetectBenchmark, a test set: fakes of seventeen generators, each beside reals of its own."""

    type: Literal["aigcdetectbenchmark"] = "aigcdetectbenchmark"
    name: SourceName = "aigcdetectbenchmark"
    generator: GeneratorName = "aigcdetectbenchmark"

    def open(self) -> LabelledFolders:
        """The source that these settings describe."""
        expected = "AIGCDetectBenchmark's folders <generator>/[<class>/]{0_real,1_fake}"
        return LabelledFolders(self, folder_layouts.named(expected))


class LabelledFolderConfig(LabelledFolderSettings):
    """Any folder of labelled images."""

    type: Literal["labelled-folder"] = "labelled-folder"
    name: SourceName = "labelled-folder"
    generator: GeneratorName = _UNKNOWN
    labels: dict[str, Meaning] = Field(
        default={},
        description="what the images in folders of a name are: `real`, `fake`, or the name of the fakes' generator. "
        "Folders that are not named here mean what their names say: `real`, `0_real`, `nature`, `fake`, `ai`, ...",
    )
    pair_by_name: bool = Field(default=False, description="a real and a fake with the same base name are a pair")

    def open(self) -> LabelledFolders:
        """The source that these settings describe."""
        layout = folder_layouts.mapped(
            self.labels, pair_by_name=self.pair_by_name, one_generator=self.generator != _UNKNOWN
        )
        return LabelledFolders(self, layout)


FakeFolderConfig = (
    AigcDetectBenchmarkConfig
    | ArtArtAiConfig
    | ChameleonConfig
    | DdaConfig
    | Df40Config
    | EvalGenConfig
    | GenImageConfig
    | LabelledFolderConfig
    | SuperGenAiConfig
    | SynthbusterConfig
    | WildRfConfig
)
"""All of them."""
