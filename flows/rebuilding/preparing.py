"""Whether a rebuild can begin: all that can be told from the manifest is told before anything is written."""

from collections.abc import Collection
from pathlib import Path

from pydantic import Field

from flows.rebuilding.folder import Archive, RebuildFolder, Request
from flows.rebuilding.published import Published
from flows.rebuilding.reals import is_web_address, mapped
from flows.recipe import Recipe, located
from generation.config import DiffusionSettings, RetrieveConfig
from generation.presence import require_additions, require_weights
from manifests.dataset import Dataset, refuse_inside_dataset
from manifests.errors import DatasetError, ModelError, TwinsetError
from manifests.header import Header
from manifests.records import Record
from manifests.tombstones import Tombstones, fetch_tombstones, read_tombstones
from sources.archives import stamp


class Rebuild(Record):
    """What to rebuild, and how to come by what it needs."""

    manifest: str = Field(description="path or fsspec URL of a published manifest")
    out: str = Field(description="the rebuild's folder, a path or fsspec URL")
    base: str = Field(
        default="", description="the folder that the models' relative paths start from; empty: the manifest's own"
    )
    url_map: tuple[str, ...] = Field(
        default=(), description="`OLD=NEW`: URLs that begin with OLD are asked at NEW instead"
    )
    private_hosts: tuple[str, ...] = Field(
        default=(), description="hosts that may be asked although their addresses are not on the public internet"
    )
    archives: tuple[str, ...] = Field(default=(), description="local folders, tars, zips or files to take reals from")
    tombstones: str = Field(default="", description="a `tombstones.jsonl`; empty: the one beside the manifest")
    against: str = Field(
        default="",
        description="the original dataset, to measure by; empty: the manifest's own folder, if shards lie there",
    )


def prepare(asked: Rebuild) -> RebuildFolder:
    """Check a manifest and what it needs, and make a folder its rebuild's own.

    Raises:
        TwinsetError: bad input; one line that says which.
    """
    refuse_inside_dataset(asked.out)
    published = Published.at(asked.manifest)
    checked = published.check()
    header = published.header()
    if asked.against:
        Dataset.open(asked.against)  # told now, and not after all has been made
    base = str(Path(asked.base or (published.folder.root if published.folder.is_local else ".")).absolute())
    _check_models(published.recipe(header), checked.generators, Path(base))
    request = Request(
        manifest=checked.sha256,
        base=base,
        archives=tuple(_archive(path) for path in asked.archives),
        url_map=tuple(sorted((_entry(text) for text in asked.url_map), key=lambda entry: -len(entry[0]))),
        private_hosts=tuple(sorted({host.lower() for host in asked.private_hosts})),
        against=asked.against or _own_shards(published, header),
    )
    _check_reachable(published, request)
    return RebuildFolder.begin(asked.out, published, _tombstones(asked.tombstones, published), request)


def _check_models(recipe: Recipe, used: Collection[str], base: Path) -> None:
    """The weights of the generators whose fakes are made again; the others are never loaded."""
    made = (generator for generator in recipe.generators if not isinstance(generator, RetrieveConfig))
    for generator in (generator for generator in made if generator.name in used):
        try:
            require_weights(located(generator, base).model)
            if isinstance(generator, DiffusionSettings):
                require_additions(located(generator, base))
        except ModelError as error:
            raise ModelError(f"{error} Relative paths start from {base}: give --base.") from error


def _entry(text: str) -> tuple[str, str]:
    """An entry of the URL map; a URL may hold `=` itself, so NEW begins with its scheme."""
    for scheme in ("=http://", "=https://"):
        old, found, new = text.partition(scheme)
        if old and found and is_web_address(found[1:] + new):
            return old, found[1:] + new
    raise TwinsetError(f"--map-url {text}: expected OLD=NEW, where NEW begins with http:// or https://.")


def _archive(path: str) -> Archive:
    whole = Path(path).absolute()
    return Archive(path=str(whole), stamp=stamp(whole))


def _tombstones(url: str, published: Published) -> Tombstones:
    return fetch_tombstones(url) if url else read_tombstones(published.folder)


def _own_shards(published: Published, header: Header) -> str:
    """The manifest's folder, where all of its shards lie beside it."""
    names = (f"shards/{shard.name}" for shard in header.shards)
    whole = published.name == "manifest.jsonl" and all(published.folder.size(name) is not None for name in names)
    return str(published.folder) if whole else ""


def _check_reachable(published: Published, request: Request) -> None:
    """Without archives, at least one image must have an address, or be made from a prompt alone."""
    if request.archives:
        return
    images = (record.pair.image for record in published.pairs())
    if not any(image.is_prompt or is_web_address(mapped(image.url, request.url_map)) for image in images):
        raise DatasetError(
            f"{published.place}: its reals have no URLs. Give --archive with a folder, tar or zip that holds them."
        )
