"""The HTTP endpoint: classes of images by the model in production, whichever that is by now.

A request takes the live model once and ends with it, so a swap between two of its images cannot
happen, and no request waits for one. Decoding and ONNX Runtime run in threads.
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
from lradapt.inference.predict import Model
from lradapt.serving.live_model import LiveModel, Loaded

log = logging.getLogger(__name__)

_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How an endpoint works.

    Attributes:
        max_bytes: of a request's body; a larger one is refused before it is read whole.
        refresh_seconds: between two looks at the registry's pointer.
        num_threads: requests that are decoded and classified at the same time; others wait.
    """

    max_bytes: int
    refresh_seconds: float
    num_threads: int


@dataclass(frozen=True, slots=True)
class Upload:
    """An image as it was sent; its name is empty where it came alone."""

    name: str
    content: bytes


class Follower:
    """Keeps a live model up to date, and what last went wrong with that."""

    def __init__(self, live: LiveModel) -> None:
        self.live = live
        self.fault = ""

    def look(self) -> None:
        """Look once whether another version is live; a failure is noted, and said once."""
        try:
            if self.live.refresh():
                log.info("serving version %s", self.live.current().move.version)
            self.fault = ""
        except Exception as error:  # noqa: BLE001  # the present model goes on being served
            if str(error) != self.fault:
                log.warning("what is live could not be loaded: %s", error)
            self.fault = str(error)

    def loaded(self) -> Loaded | None:
        """What is served; None before the first model."""
        return self.live.loaded

    async def follow(self, seconds: float) -> None:
        """Look every so often, for ever."""
        while True:
            await asyncio.sleep(seconds)
            await anyio.to_thread.run_sync(self.look)


def create_app(live: LiveModel, settings: Settings) -> FastAPI:
    """The endpoint as an ASGI application; while it runs it follows the registry.

    Args:
        live: what is in production.
        settings: see there.
    """
    follower = Follower(live)
    limiter = anyio.CapacityLimiter(settings.num_threads)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(follower.look)
        following = asyncio.create_task(follower.follow(settings.refresh_seconds))
        yield
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following

    # No pages of documentation: they load their scripts from elsewhere.
    app = FastAPI(lifespan=lifespan, openapi_url=None)

    def serving() -> Loaded:
        loaded = follower.loaded()
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
        loaded = follower.loaded()
        told = {
            "status": "ok" if loaded else "no model",
            "version": loaded.move.version if loaded else None,
            "fault": follower.fault or None,
        }
        return JSONResponse(told, 200 if loaded else 503)

    @app.get("/version")
    async def version() -> dict[str, Any]:
        return described(serving())

    return app


async def read_uploads(request: Request, max_bytes: int) -> list[Upload]:
    """The images of a request: the files of a form, or the body itself.

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
        raise HTTPException(400, "no image: send one as the body, or several as files of a form")
    return uploads


def _counted(receive: _Receive, max_bytes: int) -> _Receive:
    """`receive` that stops a body that is too large, also where it has not said how large it is."""
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
            f"the request has over {max_bytes / 1e6:g} MB, which is all that is taken at once: "
            "send fewer or smaller images",
            {"Connection": "close"},
        )


def answer_to(loaded: Loaded, uploads: Sequence[Upload]) -> tuple[int, dict[str, Any]]:
    """Status and answer: 200 with what the model says of each, or 422 with each one's fault."""
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
    said = [
        {"name": upload.name, **named(loaded.model, row)}
        for upload, row in zip(uploads, rows, strict=True)
    ]
    return 200, {"version": loaded.move.version, "predictions": said}


def named(model: Model, row: Sequence[float]) -> dict[str, Any]:
    """The class, and the probability of each class, most probable first."""
    pairs = zip(model.class_names, map(float, row), strict=True)
    probabilities = dict(sorted(pairs, key=lambda pair: -pair[1]))
    return {"class": next(iter(probabilities)), "probabilities": probabilities}


def described(loaded: Loaded) -> dict[str, Any]:
    """What is served: the version, since when and why, and what it names."""
    move, model = loaded.move, loaded.model
    return {
        "version": move.version,
        "since": move.when,
        "why": move.why,
        "architecture": model.architecture,
        "classes": model.class_names,
        "input_size": model.preprocessing.input_size,
    }


def _decoded(upload: Upload, how: Preprocessing) -> Pixels | str:
    try:
        return preprocess(upload.content, how)
    except DecodeError as error:
        return str(error)
