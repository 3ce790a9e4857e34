"""The HTTP endpoint: classify images with the model in production, and follow its changes.

A request uses one model from start to end, so the version cannot change between two of its images,
and no request waits for a new one to load. Decoding and ONNX Runtime run in threads.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
import numpy as np
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

from lradapt.data.images.decode import DecodeError, Pixels, Preprocessing, preprocess, quiet
from lradapt.errors import UnreadableError
from lradapt.inference.predict import Model
from lradapt.serving.live_model import LiveModel, Loaded

log = logging.getLogger(__name__)

_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of an endpoint.

    Attributes:
        max_bytes: of a request's body; a larger one is refused before it is read completely.
        refresh_seconds: between two checks for another version in production.
        num_threads: number of requests that are processed at the same time; others wait.
    """

    max_bytes: int
    refresh_seconds: float
    num_threads: int


@dataclass(frozen=True, slots=True)
class Upload:
    """An image of a request; its name is empty if it is the whole body."""

    name: str
    content: bytes


class Follower:
    """Keeps a live model up to date, and the fault of the last failure."""

    def __init__(self, live: LiveModel) -> None:
        self.live = live
        self.fault = ""

    def refresh(self) -> None:
        """Load another version, if one is in production; keep a failure, and log it once."""
        try:
            if self.live.refresh():
                log.info("serving version %s", self.live.current().promotion.version)
            self.fault = ""
        except Exception as error:  # noqa: BLE001  # the present model stays in use
            if str(error) != self.fault:
                log.warning("the model in production could not be loaded: %s", error)
            self.fault = str(error)

    async def follow(self, seconds: float) -> None:
        """Refresh every `seconds`, for ever."""
        while True:
            await asyncio.sleep(seconds)
            await anyio.to_thread.run_sync(self.refresh)


def create_app(live: LiveModel, settings: Settings) -> FastAPI:
    """Return the endpoint as an ASGI application; while it runs, it follows the registry."""
    follower = Follower(live)
    limiter = anyio.CapacityLimiter(settings.num_threads)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(follower.refresh)
        following = asyncio.create_task(follower.follow(settings.refresh_seconds))
        yield
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following

    # No pages of documentation: they load scripts from other servers.
    app = FastAPI(lifespan=lifespan, openapi_url=None)

    def serving() -> Loaded:
        loaded = live.loaded
        if loaded is None:
            raise HTTPException(503, follower.fault or "no model is in production yet")
        return loaded

    @app.post("/predict")
    async def predict(request: Request) -> JSONResponse:
        loaded = serving()
        uploads = await read_uploads(request, settings.max_bytes)
        status, answer = await anyio.to_thread.run_sync(answer_to, loaded, uploads, limiter=limiter)
        return JSONResponse(answer, status)

    @app.get("/health")
    async def health() -> JSONResponse:
        loaded = live.loaded
        state = {
            "status": "ok" if loaded else "no model",
            "version": loaded.promotion.version if loaded else None,
            "fault": follower.fault or None,
        }
        return JSONResponse(state, 200 if loaded else 503)

    @app.get("/version")
    async def version() -> dict[str, Any]:
        return described(serving())

    return app


async def read_uploads(request: Request, max_bytes: int) -> list[Upload]:
    """Return the images of a request: the files of a form, or the body itself.

    Raises:
        HTTPException: 413 for a body over `max_bytes`, 400 for one without an image.
    """
    _refuse_large(int(request.headers.get("content-length") or 0), max_bytes)
    limited = Request(request.scope, _counted(request.receive, max_bytes))
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        uploads = [Upload("", await limited.body())]
    else:
        async with limited.form() as form:
            files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
            uploads = [Upload(file.filename or "", await file.read()) for file in files]
    if not any(upload.content for upload in uploads):
        raise HTTPException(
            400, "no image: send one image as the body, or several as files of a form"
        )
    return uploads


def _counted(receive: _Receive, max_bytes: int) -> _Receive:
    """Return a `receive` that refuses a body that is too large, whatever its content length."""
    total = 0

    async def counted() -> MutableMapping[str, Any]:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        _refuse_large(total, max_bytes)
        return message

    return counted


def _refuse_large(num_bytes: int, max_bytes: int) -> None:
    if num_bytes > max_bytes:
        raise HTTPException(
            413,
            f"the request is over {max_bytes / 1e6:g} MB, the limit of this endpoint: send fewer "
            "or smaller images",
            {"Connection": "close"},
        )


def answer_to(loaded: Loaded, uploads: Sequence[Upload]) -> tuple[int, dict[str, Any]]:
    """Return status and answer: 200 with a prediction for each image, or 422 with the faults."""
    with quiet():
        decoded = [_decoded(upload, loaded.model.preprocessing) for upload in uploads]
    faults = [
        {"name": upload.name, "fault": found}
        for upload, found in zip(uploads, decoded, strict=True)
        if isinstance(found, str)
    ]
    if faults:
        return 422, {"detail": "not every file is an image", "faults": faults}
    squares = [found for found in decoded if not isinstance(found, str)]
    rows = loaded.model.probabilities(np.stack(squares))
    predictions = [
        {"name": upload.name, **named(loaded.model, row)}
        for upload, row in zip(uploads, rows, strict=True)
    ]
    return 200, {"version": loaded.promotion.version, "predictions": predictions}


def named(model: Model, row: Sequence[float]) -> dict[str, Any]:
    """Return the class, and the probability of each class, the most probable first."""
    pairs = zip(model.class_names, map(float, row), strict=True)
    probabilities = dict(sorted(pairs, key=lambda pair: -pair[1]))
    return {"class": next(iter(probabilities)), "probabilities": probabilities}


def described(loaded: Loaded) -> dict[str, Any]:
    """Return what is served: the version, since when and why, and its classes."""
    promotion, model = loaded.promotion, loaded.model
    return {
        "version": promotion.version,
        "since": promotion.at,
        "reason": promotion.reason,
        "architecture": model.architecture,
        "classes": model.class_names,
        "input_size": model.preprocessing.input_size,
    }


def _decoded(upload: Upload, preprocessing: Preprocessing) -> Pixels | str:
    try:
        return preprocess(upload.content, preprocessing)
    except DecodeError as error:
        return str(error)
    except (UnreadableError, MemoryError) as error:  # nothing is wrong with the image
        text = str(error) or "the memory did not suffice"
        raise HTTPException(503, text, {"Retry-After": "1"}) from error
