"""A build's folder: the recipe that it belongs to, a folder a stage under `work/`, and `dataset/`."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from flows.recipe import Recipe, parse_recipe
from manifests import canonical
from manifests.chunks import StageStore
from manifests.errors import DatasetError
from manifests.records import Stage
from manifests.storage import Folder

M = TypeVar("M", bound=BaseModel)

_LOCATIONS = ("path", "csv", "model", "weights")


@dataclass(frozen=True)
class BuildFolder:
    """Where a recipe is being built.

    Attributes:
        recipe: the recipe.
        base: the folder that the recipe's relative paths start from.
        url: the build's folder, as an fsspec URL.
    """

    recipe: Recipe
    base: str
    url: str

    @cached_property
    def folder(self) -> Folder:
        """The build's folder."""
        return Folder.at(self.url)

    @property
    def work(self) -> Folder:
        """A folder a stage."""
        return self.folder.child("work")

    @property
    def dataset(self) -> Folder:
        """The dataset itself."""
        return self.folder.child("dataset")

    def store(self, name: str, label: Stage, settings: Any) -> StageStore:
        """A stage's part of the chunk store.

        Args:
            name: the stage's folder.
            label: the stage as rejects name it.
            settings: all that the stage's outputs depend on beside its inputs.
        """
        return StageStore(self.work.child(name), name, label, canonical.digest(settings))

    def located(self, settings: M) -> M:
        """Settings whose paths start from the recipe's folder.

        URLs stay as they are; so does a model's name that is no path there, which is a Hub id.
        """
        updates = {
            name: self._locate(path, must_be_path=name != "model")
            for name in _LOCATIONS
            if (path := getattr(settings, name, ""))
        }
        return settings.model_copy(update=updates)

    def _locate(self, path: str, *, must_be_path: bool) -> str:
        if "://" in path or Path(path).is_absolute():
            return path
        local = Path(self.base) / path
        return str(local) if must_be_path or local.exists() or path.startswith(".") else path

    def claim(self, *, redo: bool = False) -> None:
        """Make this folder the recipe's own.

        Args:
            redo: take a folder over from a changed recipe; what the change touches is made again.

        Raises:
            DatasetError: the folder belongs to another recipe, or holds something else.
        """
        content = self.recipe.model_dump(mode="json")
        state = {"base": self.base, "recipe": content}
        try:
            other = BuildFolder.open(self.url)
        except DatasetError:
            if self.folder.files():
                raise DatasetError(
                    f"{self.folder}: not empty, and not a build's folder. Choose an empty or new folder for --out."
                ) from None
            other = None
        if other is not None and not redo and any(name.endswith(".done.json") for name in self.work.files()):
            differences = _differences(content, other.recipe.model_dump(mode="json"))
            if differences:
                raise DatasetError(
                    f"{self.folder}: built from another recipe; it differs in {', '.join(differences[:5])}. "
                    "Choose another --out, or give --redo to make again what the change touches."
                )
        self.work.write("recipe.json", canonical.dumps(state))

    @classmethod
    def open(cls, url: str) -> "BuildFolder":
        """The build in a folder (or of the dataset in it).

        Raises:
            DatasetError: there is no build here.
        """
        for candidate in (url, url.rstrip("/").removesuffix("/dataset")):
            try:
                state = canonical.loads(Folder.at(candidate).child("work").read("recipe.json"))
            except (FileNotFoundError, NotADirectoryError, ValueError):
                continue
            return cls(parse_recipe(state["recipe"], f"{candidate}/work/recipe.json"), state["base"], candidate)
        raise DatasetError(f"{url}: no build here (work/recipe.json is missing). Give the --out folder of a build.")


def _differences(new: Any, old: Any, place: str = "") -> list[str]:
    """The keys in which two recipes differ."""
    if isinstance(new, dict) and isinstance(old, dict):
        keys = sorted(new.keys() | old.keys())
        return [
            found for key in keys for found in _differences(new.get(key), old.get(key), f"{place}.{key}".lstrip("."))
        ]
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        return [
            found
            for index, (a, b) in enumerate(zip(new, old, strict=True))
            for found in _differences(a, b, f"{place}.{index}")
        ]
    return [] if new == old else [place]
