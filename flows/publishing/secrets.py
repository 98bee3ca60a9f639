"""What must never be published: a token or password in any text of a dataset."""

import os
import re

from flows.publishing.form import PublishedForm
from manifests.errors import DatasetError

_ENVIRONMENT = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_SHORTEST = 8
_KNOWN = re.compile(
    rb"\bhf_[A-Za-z0-9]{30,}"  # Hugging Face
    rb"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS
    rb"|\bgh[pousr]_[A-Za-z0-9]{36}"  # GitHub
    rb"|[a-z]://[^/?#\s\"@]+:[^/?#\s\"@]+@"  # user and password in a URL
    rb"|[?&](?:X-Amz-(?:Signature|Credential|Security-Token)|X-Goog-Signature|access_token|sig)="  # signed addresses
)
_TEXTS = (".jsonl", ".json", ".csv", ".md", ".html")


def refuse_secrets(form: PublishedForm) -> None:
    """Read all texts through; those of the table are the manifest's.

    Raises:
        DatasetError: a text holds a secret; the message says where, and not what.
    """
    values = [os.environ.get(name, "").encode() for name in _ENVIRONMENT]
    secrets = [value for value in values if len(value) >= _SHORTEST]
    for file in form.files:
        if not file.name.endswith(_TEXTS):
            continue
        with file.folder.open(file.name) as stream:
            for number, line in enumerate(stream, start=1):
                if _KNOWN.search(line) or any(secret in line for secret in secrets):
                    raise DatasetError(
                        f"{file.folder}/{file.name}, line {number}: holds what looks like a token, a password or a signed "
                        "address. Build the dataset from sources without them: nothing was published."
                    )
