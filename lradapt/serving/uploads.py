"""The images of a request, within limits of bytes, files and time.

The bytes of all requests together are limited too. If they are too many, the oldest body that is
not complete is refused: a client that sends quickly is not kept out by clients that do not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException as StarletteHTTPException

from lradapt.serving.settings import MB, Settings

_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

CLOSE = {"Connection": "close"}
RETRY = {"Retry-After": "1"}
_MAX_FIELDS = 100  # of a form, that are no files


@dataclass(frozen=True, slots=True)
class Upload:
    """An image of a request; its name is empty if it is the whole body."""

    name: str
    content: bytes


class Body:
    """The body of one request, as `InFlight` counts it."""

    def __init__(self) -> None:
        self.num_bytes = 0
        self.refused = False
        self.deadline: asyncio.Timeout | None = None  # while it is incomplete

    def refuse(self) -> None:
        """End the reading of this body, in whatever it waits for."""
        assert self.deadline is not None
        self.refused, self.num_bytes = True, 0
        self.deadline.reschedule(asyncio.get_running_loop().time())


class InFlight:
    """The bytes of all requests that are not answered yet."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bodies: list[Body] = []  # the oldest first

    @contextmanager
    def body(self) -> Iterator[Body]:
        """Count a body until its request is answered."""
        body = Body()
        self._bodies.append(body)
        try:
            yield body
        finally:
            self._bodies.remove(body)

    def add(self, body: Body, num_bytes: int) -> None:
        """Count more bytes of a body; refuse the oldest incomplete bodies while there are too many.

        The body itself may be the one that is refused.
        """
        if body.refused:
            return
        body.num_bytes += num_bytes
        while sum(each.num_bytes for each in self._bodies) > self._max_bytes:
            incomplete = (each for each in self._bodies if each.deadline and not each.refused)
            next(incomplete).refuse()


async def read_uploads(
    request: Request, settings: Settings, in_flight: InFlight, body: Body
) -> list[Upload]:
    """Return the images of a request: the files of a form, or the body itself.

    Raises:
        HTTPException: 413 for too many bytes or files, 408 for a body that is not complete in time,
            503 for one that has no room beside others, 400 for one without an image.
        ClientDisconnect: the client has gone.
    """
    _refuse_large(int(request.headers.get("content-length") or 0), settings.max_bytes)

    def count(num_bytes: int) -> None:
        _refuse_large(body.num_bytes + num_bytes, settings.max_bytes)
        in_flight.add(body, num_bytes)

    limited = Request(request.scope, _counted(request.receive, count))
    uploads = await _in_time(_parse(limited, settings.max_files), settings.body_seconds, body)
    if not any(upload.content for upload in uploads):
        raise HTTPException(
            400, "no image: send one image as the body, or several as files of a form"
        )
    return uploads


async def _in_time(parsing: Awaitable[list[Upload]], seconds: float, body: Body) -> list[Upload]:
    try:
        async with asyncio.timeout(seconds) as body.deadline:
            return await parsing
    except TimeoutError as error:
        if body.refused:
            fault = "there are too many bytes of unfinished requests: try again later"
            raise HTTPException(503, fault, CLOSE | RETRY) from error
        fault = f"the body is not complete after {seconds:g} s, the limit of this endpoint"
        raise HTTPException(408, fault, CLOSE) from error
    finally:
        body.deadline = None


async def _parse(request: Request, max_files: int) -> list[Upload]:
    if not _is_form(request):
        return [Upload("", await request.body())]
    try:
        # One file more than allowed, so that the refusal is ours and not a malformed form.
        async with request.form(max_files=max_files + 1, max_fields=_MAX_FIELDS) as form:
            files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
            _refuse_many(len(files), max_files)
            return [Upload(file.filename or "", await file.read()) for file in files]
    except StarletteHTTPException as error:
        if "Too many files" in str(error.detail):
            _refuse_many(max_files + 1, max_files)
        raise


def _is_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "").split(";")[0]
    return kind.strip().lower() == "multipart/form-data"


def _counted(receive: _Receive, count: Callable[[int], None]) -> _Receive:
    """Return a `receive` that counts the bytes of a body, whatever its content length."""

    async def counted() -> MutableMapping[str, Any]:
        message = await receive()
        count(len(message.get("body", b"")))
        return message

    return counted


def _refuse_large(num_bytes: int, max_bytes: int) -> None:
    if num_bytes > max_bytes:
        raise HTTPException(
            413,
            f"the request is over {max_bytes / MB:g} MB, the limit of this endpoint: send fewer "
            "or smaller images",
            CLOSE,
        )


def _refuse_many(num_files: int, max_files: int) -> None:
    if num_files > max_files:
        raise HTTPException(
            413,
            f"the request has over {max_files} files, the limit of this endpoint: send several "
            "requests",
            CLOSE,
        )
