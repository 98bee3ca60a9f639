"""The service as an ASGI application: `POST /predict`, `GET /health`, `GET /model`, and a page that describes them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException

from classifier.detector import Detector
from pages.detector_facts import DetectorFacts
from pages.service.answers import Health, Prediction
from pages.service.guard import Guard
from pages.service.judging import Judging
from pages.service.openapi_page import render_openapi
from pages.service.rates import Rates
from pages.service.refusals import RefusalError, Refused
from pages.service.settings import ServiceSettings
from pages.service.uploads import Image, UrlRequest, images_of

_NOT_JUDGED = 422
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"images": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                "required": ["images"],
            }
        },
        "application/json": {"schema": UrlRequest.model_json_schema()},
    },
}


def service(detector: Detector, facts: DetectorFacts, settings: ServiceSettings) -> FastAPI:
    """Make the application. The network belongs to it from when it starts until it ends.

    Args:
        detector: who judges.
        facts: what is told of it.
        settings: the limits.
    """
    state: dict[str, Judging] = {}
    rates = Rates(settings.rate, settings.burst)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state["judging"] = Judging(detector, settings)
        yield
        state["judging"].worker.close()

    app = FastAPI(
        title="twinset",
        summary=f"Are images real or generated? {facts.name} answers.",
        version="1",
        lifespan=lifespan,
        # FastAPI's own pages load their scripts from the web
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(Guard, max_bytes=settings.max_bytes, served_as=settings.served_as)
    app.add_exception_handler(RefusalError, _refused)
    app.add_exception_handler(HTTPException, _unknown)
    app.add_exception_handler(Exception, _failed)

    @app.post(
        "/predict",
        responses={
            _NOT_JUDGED: {"model": Prediction, "description": "No image of the request could be judged"},
            **_refusals(),
        },
        openapi_extra={"requestBody": _BODY},
    )
    async def predict(request: Request) -> Prediction:
        """Judge the files of a form, or the image at a URL. An image that cannot be judged has a reason instead."""
        client = request.client.host if request.client else ""
        if seconds := rates.wait(client):
            raise RefusalError(429, "rate", f"At most {settings.rate:g} images a second.", retry_after=seconds)
        judging = state["judging"]
        with judging.place():
            try:
                images = await _in_time(request, settings)
                rates.charge(client, len(images) - 1)
                answers = await judging.answers(images)
            finally:
                await request.close()  # with the temporary files of its form
        found = Prediction(model=facts.name, threshold=facts.threshold, images=answers)
        if all(answer.verdict is None for answer in answers):
            return JSONResponse(found.model_dump(mode="json"), _NOT_JUDGED)  # type: ignore[return-value] # with a status
        return found

    @app.get("/health", responses={503: {"model": Health}})
    async def health() -> Health:
        """Whether the service can answer, and how busy it is."""
        judging = state["judging"]
        found = Health(
            status="ok" if judging.worker.is_alive else "failed", waiting=judging.waiting, queue=settings.queue
        )
        if found.status == "failed":
            return JSONResponse(found.model_dump(), 503)  # type: ignore[return-value] # with a status
        return found

    @app.get("/model")
    async def model() -> DetectorFacts:
        """The detector: what it was trained on, its threshold, its error rates."""
        return facts

    page = render_openapi(app.openapi(), facts)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"})

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("/docs")

    return app


async def _in_time(request: Request, settings: ServiceSettings) -> list[Image]:
    try:
        async with asyncio.timeout(settings.body_seconds):
            return await images_of(request, settings)
    except TimeoutError as error:
        raise RefusalError(408, "timeout", "The request's body takes too long to arrive.") from error


def _refusals() -> dict[int | str, dict[str, Any]]:
    told = {
        400: "The body cannot be read, or holds no image",
        408: "The body took too long to arrive",
        413: "The body is too long",
        415: "The body is neither a form nor JSON",
        429: "The queue is full, or the client asks too often: Retry-After says when to come again",
    }
    return {status: {"model": Refused, "description": text} for status, text in told.items()}


async def _refused(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RefusalError):
        raise error
    return error.response()


async def _unknown(_: Request, error: Exception) -> JSONResponse:
    """Addresses and methods that there are not."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return RefusalError(status, "no-such-thing", "There is GET /health, /model, /docs and POST /predict.").response()


async def _failed(_: Request, __: Exception) -> JSONResponse:
    return RefusalError(500, "failed", "The service failed on this request. Its log says why.").response()
