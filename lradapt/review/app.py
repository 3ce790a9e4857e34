"""The page of `lradapt review` as an ASGI application, for one machine: see `guard`."""

from typing import Annotated, Literal

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.types import ASGIApp

from lradapt.data.images.decode_errors import DecodeError
from lradapt.errors import BusyError, DataError, LradaptError
from lradapt.review.conflicts import ConflictError
from lradapt.review.decisions import in_a_sentence
from lradapt.review.desk import Desk, Visitor
from lradapt.review.entries import Decision
from lradapt.review.guard import Guard
from lradapt.review.journal import as_json
from lradapt.review.pictures import full_picture, recorded_picture, square_picture
from lradapt.review.queues import QueueName
from lradapt.serving.page_files import add_constant, add_files
from lradapt.text import unsafe_letters

_CONFLICT, _BUSY, _FAILED, _NOT_FOUND = 409, 423, 500, 404


def person(name: str) -> str:
    """Return the name of a person as the journal keeps it.

    Raises:
        ValueError: empty, too long, or with control characters.
    """
    name = name.strip()
    if not name or len(name) > 80 or unsafe_letters(name):
        raise ValueError(f"the name {name[:80]!r}; expected 1 to 80 letters")
    return name


class _Asked(BaseModel):
    """What each request of the page says: the person, and the window."""

    model_config = ConfigDict(extra="forbid", strict=True)
    who: Annotated[str, AfterValidator(person)]
    window: Annotated[str, Field(min_length=1, max_length=64)]

    @property
    def visitor(self) -> Visitor:
        return Visitor(self.who, self.window)


class _Next(_Asked):
    queue: QueueName
    again: bool = False


class _Decided(_Asked):
    queue: QueueName
    image: str
    action: Literal["keep", "change", "exclude", "skip"]
    label: str
    new: str = ""
    seen: str


def create_app(desk: Desk, *, token: str, who: str) -> ASGIApp:
    """Return the application.

    Args:
        desk: of the project.
        token: that a browser must know.
        who: the name of the person, until they give another in the page.
    """
    # No pages of documentation: they load scripts from other servers.
    app = FastAPI(openapi_url=None)
    app.add_exception_handler(LradaptError, _explain)
    app.add_exception_handler(OSError, _explain)
    add_files(app, "lradapt.review")
    add_constant(app, "/favicon.ico", b"", "image/x-icon")
    _add_pictures(app, desk)
    _add_recorded(app, desk)

    @app.post("/api/overview")
    def overview(asked: _Asked) -> dict[str, object]:
        return desk.overview(asked.visitor)

    @app.get("/api/person")
    def default_person() -> dict[str, str]:
        return {"who": who}

    @app.post("/api/next")
    def next_items(asked: _Next) -> dict[str, object]:
        if asked.again:
            desk.show_skipped(asked.queue, asked.visitor)
        return desk.next_items(asked.queue, asked.visitor)

    @app.post("/api/decide")
    def decide(asked: _Decided) -> dict[str, object]:
        decision = Decision(
            image=asked.image,
            action=asked.action,
            label=asked.label,
            new=asked.new,
            who=asked.who,
            reason=asked.queue,
            seen=asked.seen,
        )
        entry = desk.decide(asked.queue, decision)
        return {"entry": as_json(entry), **desk.next_items(asked.queue, asked.visitor)}

    @app.post("/api/release")
    def release(asked: _Asked) -> None:
        desk.release(asked.visitor)

    @app.post("/api/undo")
    def undo(asked: _Next) -> dict[str, object]:
        entry = desk.undo(asked.visitor)
        return {"entry": as_json(entry), **desk.next_items(asked.queue, asked.visitor)}

    return Guard(app, token)


def _add_pictures(app: FastAPI, desk: Desk) -> None:
    def row(number: int) -> int:
        if not desk.project.is_decoded(number):
            raise HTTPException(_NOT_FOUND, f"no image in row {number} of the project's table")
        return number

    @app.get("/image/{number}")
    def image(number: int) -> Response:
        try:
            picture = full_picture(desk.project, row(number))
        except DecodeError as error:  # the file has changed since the stages have read it
            raise HTTPException(_NOT_FOUND, str(error)) from error
        return Response(picture.content, media_type=picture.media_type)

    @app.get("/square/{number}")
    def square(number: int) -> Response:
        picture = square_picture(desk.project, row(number))
        return Response(picture.content, media_type=picture.media_type)

    @app.get("/api/neighbours/{number}")
    def neighbours(number: int, label: str, proposed: str = "") -> dict[str, object]:
        labels = dict.fromkeys(each for each in (label, proposed) if each)
        return {"neighbours": desk.neighbours(row(number), list(labels))}


def _add_recorded(app: FastAPI, desk: Desk) -> None:
    @app.get("/recorded/{file}")
    def recorded(file: str) -> Response:
        if not desk.is_queued(file):
            raise HTTPException(_NOT_FOUND, f"the queue has no image {file}")
        try:
            picture = recorded_picture(desk.project, file)
        except DecodeError as error:
            raise HTTPException(_NOT_FOUND, str(error)) from error
        return Response(picture.content, media_type=picture.media_type)


def _explain(_: Request, error: Exception) -> JSONResponse:
    """Answer with the message of an error that a person can correct."""
    statuses = {ConflictError: _CONFLICT, BusyError: _BUSY, DataError: _NOT_FOUND}
    status = next((code for kind, code in statuses.items() if isinstance(error, kind)), _FAILED)
    text = str(error)
    if isinstance(error, OSError):
        text = f"{in_a_sentence(error)}; nothing was decided"
    return JSONResponse({"detail": text}, status)
