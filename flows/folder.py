"""A build's folder: the recipe that it belongs to, a folder a stage under `work/`, and `dataset/`."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from flows.occupied import MARKS
from flows.recipe import Recipe, located, parse_recipe
from manifests import canonical
from manifests.chunks import StageStore
from manifests.errors import DatasetError, RecipeError
from manifests.records import Stage
from manifests.storage import Folder

M = TypeVar("M", bound=BaseModel | None)


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
    def path(self) -> Path:
        """The build's folder on this machine.

        Raises:
            DatasetError: it is elsewhere.
        """
        if not self.folder.is_local:
            raise DatasetError(f"{self.folder}: not a folder of this machine. Copy it here, or give a local --out.")
        return Path(self.folder.root)

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
        """Settings whose paths start from the recipe's folder."""
        return located(settings, Path(self.base))

    def place(self, url: str) -> str:
        """A path or URL that the recipe names: a relative path starts from the recipe's folder."""
        return url if "://" in url else str(Path(self.base) / url)

    def is_claimed(self) -> bool:
        """Whether a build has begun here."""
        return _state(self.folder) is not None

    def withdraw(self, *names: str) -> None:
        """Remove the index, and these files of the dataset, before what they vouch for is changed.

        A run that is killed then leaves no file that speaks for bytes which it has not seen.
        """
        for name in ("index.sha256", "index.json", *names):
            self.dataset.remove(name)

    def claim(self, *, redo: bool = False) -> None:
        """Make this folder the recipe's own.

        Args:
            redo: take a folder over from a changed recipe; what the change touches is made again.

        Raises:
            DatasetError: the folder belongs to another recipe, or holds something else.
        """
        content = self.recipe.model_dump(mode="json")
        if not self.is_claimed() and set(self.folder.files()) - MARKS:
            raise DatasetError(
                f"{self.folder}: not empty, and not a build's folder. Choose an empty or new folder for --out."
            )
        if self.is_claimed():
            self._take_over(_differences(content, self._earlier_recipe()), redo=redo)
        self.work.write("recipe.json", canonical.dumps({"base": self.base, "recipe": content}))

    def _earlier_recipe(self) -> Any:
        """What the folder was built from; as it was written, where that is no recipe any more since a setting has gone."""
        try:
            return BuildFolder.open(self.url).recipe.model_dump(mode="json")
        except RecipeError:
            return (_state(self.folder) or {}).get("recipe")

    def _take_over(self, differences: list[str], *, redo: bool) -> None:
        if differences and not redo and any(name.endswith(".done.json") for name in self.work.files()):
            raise DatasetError(
                f"{self.folder}: built from another recipe; it differs in {', '.join(differences[:5])}. "
                "Choose another --out, or give --redo to make again what the change touches."
            )
        if differences:
            # the earlier recipe's dataset must not pass for this one's until it is made again
            self.withdraw("manifest.jsonl")

    @classmethod
    def open(cls, url: str) -> "BuildFolder":
        """The build in a folder (or of the dataset in it).

        Raises:
            DatasetError: there is no build here.
        """
        whole = str(Folder.at(url))
        for candidate in (whole, whole.removesuffix("/dataset")):
            if (state := _state(Folder.at(candidate))) is not None:
                return cls(parse_recipe(state["recipe"], f"{candidate}/work/recipe.json"), state["base"], candidate)
        raise DatasetError(f"{url}: no build here (work/recipe.json is missing). Give the --out folder of a build.")


def _state(folder: Folder) -> dict[str, Any] | None:
    """What `claim` has written; None where it never has."""
    try:
        state: dict[str, Any] = canonical.loads(folder.child("work").read("recipe.json"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    whole = isinstance(state, dict) and isinstance(state.get("recipe"), dict) and isinstance(state.get("base"), str)
    return state if whole else None


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
