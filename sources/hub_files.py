"""Datasets on the Hub: what a repository holds at a resolved commit, and its files opened in place."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from httpx2 import HTTPError
from huggingface_hub import DatasetCard, HfApi, HfFileSystem, constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from yaml import YAMLError  # type: ignore[import-untyped]

from manifests.errors import SourceError
from sources.messages import one_line


class HubRepo:
    """A dataset repository at one commit.

    Attributes:
        repo: `org/name`.
        commit: what its revision stood for when it was asked; 40 hex digits.
    """

    def __init__(self, repo: str, commit: str) -> None:
        self.repo = repo
        self.commit = commit

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """One of the repository's files; seekable, and only what is read is transferred.

        Raises:
            SourceError: the repository has no such file, or the Hub does not answer.
        """
        path = f"datasets/{self.repo}@{self.commit}/{name}"
        with _asking(self.repo, self.commit):
            files = HfFileSystem(endpoint=constants.ENDPOINT)
            # Parquet readers ask for whole columns: reading ahead of them would fetch the images beside the labels
            with files.open(path, "rb", cache_type="none") as stream:
                yield cast("BinaryIO", stream)


def resolve(repo: str, revision: str) -> tuple[HubRepo, list[str], dict[str, Any]]:
    """A repository at the commit that its revision stands for, its files, and its card's metadata: one request.

    Args:
        repo: `org/name`.
        revision: branch, tag or commit.

    Raises:
        SourceError: there is no such repository or revision, its terms are not accepted, or the Hub does not answer.
    """
    with _asking(repo, revision):
        info = HfApi(endpoint=constants.ENDPOINT).dataset_info(repo, revision=revision)
    names = [sibling.rfilename for sibling in info.siblings or ()]
    return HubRepo(repo, info.sha or revision), names, vars(info.card_data) if info.card_data else {}


def read_card(text: bytes, label: str) -> dict[str, Any]:
    """The metadata at the head of a dataset's card; empty where it has none.

    Raises:
        SourceError: the metadata is not YAML.
    """
    if not text.startswith(b"---"):
        return {}
    try:
        card = DatasetCard(text.decode(errors="replace"), ignore_metadata_errors=True).data
    except (ValueError, YAMLError) as error:
        raise SourceError(
            f"{label}: its metadata is not YAML ({one_line(error)}); correct it, or remove the file"
        ) from error
    return vars(card)


@contextmanager
def _asking(repo: str, revision: str) -> Iterator[None]:
    """The Hub's refusals, as one line each."""
    try:
        yield
    except GatedRepoError as error:
        raise SourceError(
            f"{repo}: its publisher asks you to accept terms: do so on the Hub's page of the dataset, and set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise SourceError(
            f"{repo}: the Hub has no such dataset, or it is private; correct `repo`, or set HF_TOKEN"
        ) from error
    except RevisionNotFoundError as error:
        raise SourceError(f"{repo}: has no revision {revision!r}; give a branch, a tag or a commit") from error
    except (EntryNotFoundError, FileNotFoundError) as error:
        raise SourceError(f"{repo}: {one_line(error)}; list the source again") from error
    except HFValidationError as error:
        raise SourceError(f"{repo}: not a dataset's id; it is `org/name`") from error
    except OfflineModeIsEnabled as error:
        raise SourceError(f"{repo}: HF_HUB_OFFLINE is set; unset it, or give `path` instead of `repo`") from error
    except HTTPError as error:
        raise SourceError(f"{repo}: the Hub does not answer ({one_line(error)}); try again") from error
