"""From a request to images: the files of a form, or a URL that is fetched."""

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from flows.urls import fetched, is_url, opener
from manifests.errors import RejectedItem, first_complaint, printable
from manifests.records import Reason
from pages.service.refusals import RefusalError
from pages.service.settings import ServiceSettings

_LONGEST_NAME = 255
_LONGEST_URL = 4096


class UrlRequest(BaseModel):
    """The JSON body of a request: an image on the web."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(max_length=_LONGEST_URL, description="http or https, on the public internet")


@dataclass(frozen=True)
class Uploaded:
    """A file of a form."""

    name: str
    file: UploadFile

    def read(self) -> bytes | RejectedItem:
        """Its bytes, from memory or from a temporary file."""
        return self.file.file.read()


@dataclass(frozen=True)
class Linked:
    """An image on the web. Its name leaves out what may be secret in a URL: user, password and query."""

    url: str
    settings: ServiceSettings

    @property
    def name(self) -> str:
        """Where it lies."""
        parts = urlsplit(self.url)
        return _name(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")

    def read(self) -> bytes | RejectedItem:
        """What the URL answers. Which address a private host has is not told."""
        limits = self.settings
        found = fetched(self.url, opener(limits.private_hosts, max_bytes=limits.max_bytes, seconds=limits.url_seconds))
        if isinstance(found, RejectedItem) and found.reason == Reason.PRIVATE_ADDRESS:
            return RejectedItem(found.reason, "the URL's host is not on the public internet")
        return found


Image = Uploaded | Linked


async def images_of(request: Request, settings: ServiceSettings) -> list[Image]:
    """The images of a request, files whole and URLs not yet asked.

    Raises:
        RefusalError: the body is no form with files and no JSON with a URL.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "multipart/form-data":
            return await _uploaded(request, settings)
        if kind == "application/json":
            return [_linked(await request.body(), settings)]
    except ClientDisconnect as error:
        raise RefusalError(400, "cut-off", "The request's body ends early.") from error
    raise RefusalError(
        415, "content-type", 'Send the images as files of multipart/form-data, or application/json {"url": "..."}.'
    )


async def _uploaded(request: Request, settings: ServiceSettings) -> list[Image]:
    try:
        form = await request.form(max_files=settings.max_images, max_fields=settings.max_images)
    except HTTPException as error:
        raise RefusalError(400, "form", f"The form cannot be read: {printable(str(error.detail))}") from error
    files = [file for _, file in form.multi_items() if isinstance(file, UploadFile)]
    if not files:
        raise RefusalError(400, "no-images", "The form has no file. Send each image as a file of its own.")
    return [Uploaded(_name(file.filename or f"image {number}"), file) for number, file in enumerate(files, start=1)]


def _linked(body: bytes, settings: ServiceSettings) -> Linked:
    try:
        url = UrlRequest.model_validate(json.loads(body)).url.strip()
        urlsplit(url)
    except ValidationError as error:
        raise RefusalError(400, "json", f'Expected {{"url": "..."}}: {first_complaint(error)}') from error
    except (ValueError, RecursionError) as error:
        raise RefusalError(400, "json", 'The body is not JSON, or its URL is none. Expected {"url": "..."}.') from error
    if not is_url(url):
        raise RefusalError(400, "url", "Expected a URL that begins with http:// or https://.")
    return Linked(url, settings)


def _name(name: str) -> str:
    """A file's name as it may be repeated: printable, and no longer than file systems allow."""
    return printable(name)[:_LONGEST_NAME]
