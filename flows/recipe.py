"""The recipe: one TOML file, one frozen model; each part's configuration stands beside its owner."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from audit.config import AuditConfig
from classifier.config import ClassifierConfig
from classifier.distillation_config import DistillConfig
from classifier.replay_config import ContinueConfig
from flows.presets import FULL, apply_preset
from generation.config import CaptionConfig, GeneratorConfig, RetrieveConfig
from manifests.errors import RecipeError
from manifests.secrets import secret_in
from manifests.splits import SplitConfig
from pixels.config import AlignmentRules, ScreenRules, ViewRules
from sources.config import SourceConfig

M = TypeVar("M", bound=BaseModel | None)

_PROMPTS = "prompts"
"""The type of the sources that have no image, but the texts that images are made from."""

_LOCATIONS = (
    "path",
    "csv",
    "images",
    "ids",
    "image_labels",
    "boxes",
    "class_descriptions",
    "devkit",
    "model",
    "config",
    "match_model",
    "weights",
)


class SelectConfig(BaseModel):
    """Which of the screened images stay: near-duplicates go before any GPU time is spent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    radius: int = Field(
        default=3,
        ge=0,
        le=15,
        description="bits of the perceptual hash within which the later image (in key order) is a near-duplicate",
    )
    limit: int | None = Field(default=None, gt=0, description="keep at most this many images; the rest is `surplus`")


class ChunkConfig(BaseModel):
    """How the work is cut."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=256, ge=1, le=4096, description="items a chunk: one Prefect task")


class ShardConfig(BaseModel):
    """How the dataset is cut."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pairs: int = Field(default=1000, gt=0, description="pairs a shard")


class LimitConfig(BaseModel):
    """When a run stops by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    drop_rate: float = Field(
        default=0.5, ge=0, le=1, description="share of a stage's items that may be rejected before the build stops"
    )


class Recipe(BaseModel):
    """How a dataset is made."""

    # `continue` is a key of the recipe, and no name that Python lets a field have
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="the dataset's name")
    salt: str = Field(default="", description="seeds and splits are drawn from it; the name when empty")
    sources: tuple[SourceConfig, ...] = Field(min_length=1, description="where images come from")
    screen: ScreenRules = ScreenRules()
    select: SelectConfig = SelectConfig()
    tombstones: tuple[str, ...] = Field(
        default=(),
        description="paths or fsspec URLs of `tombstones.jsonl` files: the images that they name are `taken-down`",
    )
    target_pairs: int | None = Field(
        default=None,
        gt=0,
        description="stop when so many pairs stand, over all views: images are drawn in key order, a chunk at a time, from "
        "all that the sources' limits let in; the rest is `surplus`",
    )
    views: tuple[ViewRules, ...] = Field(min_length=1, description="how they are framed, and what answers them")
    alignment: AlignmentRules = AlignmentRules()
    caption: CaptionConfig | None = Field(default=None, description="needed where a view makes pairs")
    generators: tuple[GeneratorConfig, ...] = Field(default=(), description="needed where a view makes fakes")
    candidates: tuple[SourceConfig, ...] = Field(
        default=(), description="sources of existing fakes with their prompts, for the generators that retrieve"
    )
    split: SplitConfig = SplitConfig()
    chunks: ChunkConfig = ChunkConfig()
    shards: ShardConfig = ShardConfig()
    limits: LimitConfig = LimitConfig()
    audit: AuditConfig = AuditConfig()
    classifier: ClassifierConfig | None = None
    continued: ContinueConfig | None = Field(
        default=None, alias="continue", description="how `twinset continue` lets a detector go on with this dataset"
    )
    distill: DistillConfig | None = Field(default=None, description="how `twinset distill` teaches `classifier`")

    @model_validator(mode="before")
    @classmethod
    def _no_secrets(cls, content: Any) -> Any:
        """The manifest holds the recipe, and manifests are published."""
        for place, text in _texts(content):
            if secret := secret_in(text):
                raise ValueError(
                    f"`{place}` holds {secret}, and recipes are published in manifests; leave it out, and give it in the "
                    "environment"
                )
        return content

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for table, names in (
            ("sources and candidates", [source.name for source in (*self.sources, *self.candidates)]),
            ("views", [view.name for view in self.views]),
            ("generators", [generator.name for generator in self.generators]),
        ):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{table}: the name {name!r} stands twice; give each its own")
        for view in self.views:
            self._check_view(view)
        known = [generator.name for generator in self.generators]
        unused = [name for name in known if not any(name in view.generators for view in self.views)]
        if unused:
            raise ValueError(
                f"generators: no view asks for {', '.join(unused)}; add to a view's `generators`, or remove"
            )
        self._check_candidates()
        busy = {name for view in self.views for name in self.sources_of(view)}
        idle = [source.name for source in self.sources if source.name not in busy]
        if idle:
            raise ValueError(f"sources: no view takes {', '.join(idle)}; add to a view's `sources`, or remove")
        return self

    def _check_candidates(self) -> None:
        """Whether each generator that retrieves has fakes to choose from."""
        kinds: dict[str, str] = {source.name: source.type for source in self.candidates}
        retrieving = [generator for generator in self.generators if isinstance(generator, RetrieveConfig)]
        for generator in retrieving:
            place = f"generators.{generator.name}"
            if generator.candidates not in kinds:
                raise ValueError(
                    f"{place}.candidates: no {generator.candidates!r} among `candidates`; there are {', '.join(kinds) or 'none'}"
                )
            if kinds[generator.candidates] == _PROMPTS:
                raise ValueError(f"{place}.candidates: {generator.candidates} is of type {_PROMPTS} and has no images")
        unused = sorted(kinds.keys() - {generator.candidates for generator in retrieving})
        if unused:
            raise ValueError(f"candidates: no generator asks for {', '.join(unused)}; add one, or remove")
        if retrieving and self.target_pairs is not None:
            raise ValueError(
                f"target_pairs: {retrieving[0].name} retrieves, and what one pair is given depends on all others; "
                "set limits of the sources, or counts of the split"
            )

    def _check_view(self, view: ViewRules) -> None:
        """Whether what a view names is there, and of use to it."""
        place = f"views.{view.name}"
        methods = {generator.name: generator.method for generator in self.generators}
        kinds: dict[str, str] = {source.name: source.type for source in self.sources}
        for name in view.generators:
            if name not in methods:
                raise ValueError(f"{place}.generators: no generator {name!r}; there are {', '.join(methods) or 'none'}")
        for name in view.sources:
            if name not in kinds:
                raise ValueError(f"{place}.sources: no source {name!r}; there are {', '.join(kinds)}")
            if (kinds[name] == _PROMPTS) != (view.is_single and bool(view.generators)):
                raise ValueError(
                    f"{place}.sources: {name} is of type {kinds[name]}; prompts go into single views with a generator, "
                    "and nothing else does"
                )
        if not view.is_single and self.caption is None:
            raise ValueError(f"`caption` is missing; view {view.name} makes pairs")
        for name in view.generators:
            if view.is_single and methods[name] != "text-to-image":
                raise ValueError(f"{place}.generators: {name} is {methods[name]}; a prompt needs a text-to-image one")
            if methods[name] == "retrieve" and view.framing != "scene":
                raise ValueError(
                    f"{place}.generators: {name} is retrieve; its fakes are whole scenes, the view is {view.framing}"
                )

    @property
    def seed_salt(self) -> str:
        """What seeds and splits are drawn from."""
        return self.salt or self.name

    def sources_of(self, view: ViewRules) -> list[str]:
        """The sources whose images may go into a view, as far as the recipe tells; their own labels say the rest."""
        kinds: dict[str, str] = {source.name: source.type for source in self.sources}
        return [name for name in kinds if (name in view.sources if view.sources else kinds[name] != _PROMPTS)]

    def view(self, name: str) -> ViewRules:
        """A view by its name."""
        return next(view for view in self.views if view.name == name)

    def candidates_of(self, generator: RetrieveConfig) -> SourceConfig:
        """The source that a generator retrieves from."""
        return next(source for source in self.candidates if source.name == generator.candidates)

    def generator(self, name: str) -> GeneratorConfig:
        """A generator by its name."""
        return next(generator for generator in self.generators if generator.name == name)


def load_recipe(path: Path, preset: str = FULL) -> Recipe:
    """Read and check a recipe.

    Args:
        path: the file.
        preset: which of its presets to lay over it; see `flows/presets.py`.

    Raises:
        RecipeError: the file is missing, is no TOML, or holds an unknown key or a wrong value; one line that names it.
    """
    content = apply_preset(read_tables(path), preset, str(path))
    # what others have published is no part of how the dataset is made
    return parse_recipe({name: table for name, table in content.items() if name != "published"}, str(path))


def read_tables(path: Path) -> dict[str, Any]:
    """A recipe's tables as they stand in the file, unchecked.

    Raises:
        RecipeError: the file is missing, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe. Give the path of a .toml file (see the folder recipes/).") from None
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror}). Give the path of a .toml file.") from None
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: not a recipe ({error}). Give the path of a .toml file.") from None
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, or a number or nesting beyond all bounds
        raise RecipeError(f"{path}: not valid TOML: {error}.") from None


def parse_recipe(content: dict[str, Any], origin: str) -> Recipe:
    """Check a recipe that is read already.

    Args:
        content: the recipe's tables.
        origin: where it comes from, for errors.

    Raises:
        RecipeError: an unknown key or a wrong value.
    """
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise RecipeError(f"{origin}: {_explain(error)}") from None


def _explain(error: ValidationError) -> str:
    """pydantic's complaints as one line: place, what was wrong, what was expected."""
    complaints = []
    for details in _causes(error.errors(include_url=False)):
        place = ".".join(str(part) for part in details["loc"]) or "recipe"
        if details["type"] == "extra_forbidden":
            complaints.append(f"unknown key `{place}`; valid keys here are {_valid_keys(details['loc'])}")
        elif details["type"] == "missing":
            complaints.append(f"`{place}` is missing")
        elif details["type"] == "value_error":
            complaints.append(
                f"`{place}`: {details['ctx']['error']}" if details["loc"] else str(details["ctx"]["error"])
            )
        elif isinstance(details["input"], str | int | float):
            complaints.append(f"`{place}` = {details['input']!r}: {details['msg']}")
        else:
            complaints.append(f"`{place}`: {details['msg']}")
    return "; ".join(complaints)


def _causes(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """The complaints without those that only follow: pydantic calls a list too short when its items are wrong."""
    return [
        details
        for details in errors
        if details["type"] != "too_short"
        or not any(other["loc"][:-1][: len(details["loc"])] == details["loc"] for other in errors)
    ]


def _texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """All texts in some tables, each with its place; keys are texts, too."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield place, str(key)
            yield from _texts(inner, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{place}.{number}")


def _valid_keys(location: tuple[int | str, ...]) -> str:
    """The keys of the table that an unknown key stands in."""
    model: Any = Recipe
    for part in location[:-1]:
        if isinstance(part, int):
            continue
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        candidates = _models(fields[part].annotation) if part in fields else [model]
        if not candidates:
            return "described in the recipe reference"
        tagged = [candidate for candidate in candidates if not _tags(candidate).isdisjoint(location)]
        model = (tagged or candidates)[0]
    return ", ".join(field.alias or name for name, field in model.model_fields.items())


def _models(annotation: Any) -> list[type[BaseModel]]:
    """All pydantic models inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    parts = getattr(annotation, "__args__", ())
    return [model for part in parts for model in _models(part)]


def _tags(model: type[BaseModel]) -> set[str]:
    """What may tell a model from the others of its union: `type = "folder"`, `method = "reconstruct"`."""
    return {field.default for field in model.model_fields.values() if get_origin(field.annotation) is Literal}


def located(settings: M, base: Path) -> M:
    """Settings whose paths start from a folder.

    URLs stay as they are; so does a model's name that is no path there, which is a Hub id.

    Args:
        settings: a part of a recipe; None where it has no such part.
        base: the recipe's folder.
    """
    if settings is None:
        return settings
    updates: dict[str, object] = {
        name: _locate(path, base, must_be_path=not name.endswith("model"))
        for name in _LOCATIONS
        if (path := getattr(settings, name, ""))
    }
    if loras := getattr(settings, "lora", ()):
        updates["lora"] = tuple(located(lora, base) for lora in loras)
    return settings.model_copy(update=updates)


def _locate(path: str, base: Path, *, must_be_path: bool) -> str:
    if "://" in path or Path(path).is_absolute():
        return path
    local = base / path
    return str(local) if must_be_path or local.exists() or path.startswith(".") else path
