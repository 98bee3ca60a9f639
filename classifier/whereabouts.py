"""Where a detector is, by what a person calls it: asked without any model library."""

import re
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

from classifier.report import CONFIG
from manifests.errors import ModelError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def check_whereabouts(where: str) -> None:
    """See that something lies there; what it is, only opening it can tell.

    Args:
        where: folder, checkpoint file, or a model's id on the Hub (`org/name`), which a folder of that name hides.

    Raises:
        ModelError: there is nothing, and it is no id of the Hub; or the folder holds no detector.
    """
    path = Path(where)
    if not (path.is_file() or (path / CONFIG).is_file() or (not path.exists() and _HUB_ID.fullmatch(where))):
        raise ModelError(
            f"{where}: no detector here. Give the folder that `twinset train` wrote, a checkpoint, or a model on the Hub "
            "(ORG/NAME)."
        )


def file_beside(where: str, name: str) -> Path | None:
    """A file that came with a detector, whether or not it is there; None where a model of the Hub came without it.

    Args:
        where: as above. The Hub is not asked: what counts is what was fetched with the detector.
        name: of the file.
    """
    if Path(where).exists():
        return Path(where) / name
    if not _HUB_ID.fullmatch(where):
        return None
    fetched = try_to_load_from_cache(where, name)
    return Path(fetched) if isinstance(fetched, str) else None
