"""Detectors on the Hub: pushed with their card, and fetched again."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import CommitOperationAdd, HfApi, constants, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from classifier.detector import Detector, config_file
from classifier.report import CARD, CONFIG, METRICS, WEIGHTS
from manifests.errors import ModelError, first_line

PUBLISHED = (CONFIG, WEIGHTS, METRICS, CARD)
"""What is pushed: neither the predictions, which name images, nor logs and checkpoints."""


def push_detector(folder: Path, repo: str, *, private: bool = False, message: str = "") -> str:
    """Push a detector to the Hub in one commit; the repository is made where there is none.

    Args:
        folder: what a training wrote.
        repo: `org/name`.
        private: make a new repository private.
        message: of the commit.

    Returns:
        Where the commit can be looked at.

    Raises:
        ModelError: there is no detector in the folder, or the Hub refuses.
    """
    # nobody is served by a detector that does not load
    config = config_file(Detector.load(folder).config.without_folders())
    others = [CommitOperationAdd(name, folder / name) for name in PUBLISHED[1:] if (folder / name).is_file()]
    with _asking(repo):
        api = HfApi(endpoint=constants.ENDPOINT, library_name="twinset")
        api.create_repo(repo, private=private, exist_ok=True)
        # and not upload_folder, which may cut a push into several commits
        commit = api.create_commit(
            repo,
            [CommitOperationAdd(CONFIG, config), *others],
            commit_message=message or f"Push {folder.resolve().name} by twinset",
        )
    return str(commit.commit_url)


def fetch_detector(repo: str) -> str:
    """Fetch a detector, its figures and its card from the Hub into the Hub's own cache, and say where it lies.

    Args:
        repo: `org/name`; its main branch is fetched.

    Raises:
        ModelError: the Hub has no such model, or does not answer.
    """
    with _asking(repo):
        config = Path(hf_hub_download(repo, CONFIG, endpoint=constants.ENDPOINT))
        # all of one commit, which the cache's folder is named after
        commit = config.parent.name
        hf_hub_download(repo, WEIGHTS, revision=commit, endpoint=constants.ENDPOINT)
        for name in (METRICS, CARD):
            # a detector judges without them
            with suppress(RemoteEntryNotFoundError):
                hf_hub_download(repo, name, revision=commit, endpoint=constants.ENDPOINT)
    return str(config.parent)


@contextmanager
def _asking(repo: str) -> Iterator[None]:
    """The Hub's refusals, as one line each."""
    try:
        yield
    except GatedRepoError as error:
        raise ModelError(
            f"{repo}: its publisher asks you to accept terms: do so on the Hub's page of the model, and set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            f"{repo}: no folder of this name, and the Hub has no such model, or it is private: correct it, or set HF_TOKEN"
        ) from error
    except RevisionNotFoundError as error:
        raise ModelError(f"{repo}: has no such revision; give a branch, a tag or a commit") from error
    except HFValidationError as error:
        raise ModelError(f"{repo}: not a model's id; it is `org/name`") from error
    except (OfflineModeIsEnabled, LocalEntryNotFoundError) as error:
        raise ModelError(f"{repo}: the Hub cannot be asked ({first_line(error)})") from error
    except EntryNotFoundError as error:
        raise ModelError(f"{repo}: no detector of twinset ({first_line(error)})") from error
    except (HfHubHTTPError, HTTPError) as error:
        raise ModelError(
            f"{repo}: the Hub refuses ({first_line(error)}); set HF_TOKEN to a token that may write there"
        ) from error
