"""The HTTP endpoint: classify images with the model in production, and follow its changes.

A request uses one model from start to end, so the version cannot change between two of its images,
and no request waits for a new one to load. Decoding and ONNX Runtime run in threads.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from lradapt.serving.answers import answer_to, while_connected
from lradapt.serving.exchanges import Observed, note_answer
from lradapt.serving.extras import NOTHING, Extras
from lradapt.serving.follower import Follower
from lradapt.serving.live_model import LiveModel, Loaded
from lradapt.serving.metrics import Metrics, add_metrics
from lradapt.serving.nearest import add_nearest
from lradapt.serving.page import add_page
from lradapt.serving.probes import add_probes
from lradapt.serving.record import Record, health_of, recording
from lradapt.serving.settings import Settings
from lradapt.serving.shadow import add_shadow
from lradapt.serving.token_guard import TokenGuard
from lradapt.serving.turns import Turns
from lradapt.serving.uploads import InFlight, read_uploads

_CLIENT_GONE = 499  # for nobody to read
_LINES = ("lradapt_access_log_lines", "Lines of the access log, by result.", "result")
_RECORD = ("lradapt_record_images", "Images of answers for the record, by result.", "result")
_RECORD_FAULT = ("lradapt_record_fault", "1 while answers cannot be recorded.")
_SHADOW = ("lradapt_shadow_images", "Images of the challenger in shadow mode, by result.", "result")


def create_app(
    live: LiveModel,
    settings: Settings,
    extras: Extras = NOTHING,
    *,
    record: Record | None = None,
) -> FastAPI:
    """Return the endpoint as an ASGI application; while it runs, it follows the registry.

    Args:
        live: the model in production.
        settings: the limits.
        extras: what it has beside its answers.
        record: of the answers; None: they are not recorded.
    """
    follower = Follower(live, settings.look_seconds)
    turns = Turns(settings.num_threads, settings.max_waiting)
    in_flight = InFlight(settings.max_bytes_in_flight)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await follower.look()
        following = asyncio.create_task(follower.follow(settings.refresh_seconds))
        async with recording(record):
            yield
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following

    # No pages of documentation: they load scripts from other servers.
    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.add_exception_handler(ClientDisconnect, lambda *_: Response(status_code=_CLIENT_GONE))
    app.add_middleware(TokenGuard, accepted=extras.accepted)
    add_probes(app, live)
    metrics = Metrics(follower)
    add_metrics(app, metrics)

    def serving() -> Loaded:
        loaded = live.loaded
        if loaded is None:
            raise HTTPException(503, follower.fault or "no model is in production yet")
        return loaded

    @app.post("/predict")
    async def predict(request: Request) -> JSONResponse:
        loaded = serving()
        with in_flight.body() as body:
            uploads = await read_uploads(request, settings, in_flight, body)
            answering = answer_to(loaded, uploads, settings, turns, record)
            status, answer = await while_connected(answering, request.receive)
        extras.offer(uploads, answer)
        note_answer(request.scope, answer)
        return JSONResponse(answer, status)

    @app.get("/health")
    async def health() -> JSONResponse:
        state = described_health(follower) | health_of(record)
        return JSONResponse(state, 503 if state["status"] == "no model" else 200)

    @app.get("/version")
    async def version() -> dict[str, Any]:
        return described(serving())

    add_page(app)
    add_nearest(app, extras.nearest, serving, settings, turns, in_flight)
    add_shadow(app, extras.shadow)
    if record is not None:
        metrics.add(*_RECORD, record.counts)
        metrics.add_state(*_RECORD_FAULT, record.has_fault)
    _observe(app, extras, metrics)
    return app


def _observe(app: FastAPI, extras: Extras, metrics: Metrics) -> None:
    """Have all exchanges counted and logged, those of the guard too; all routes must be there."""
    observers = [metrics.observe]
    if extras.access_log:
        observers.append(extras.access_log.note)
        metrics.add(*_LINES, extras.access_log.counts)
    if extras.shadow:
        metrics.add(*_SHADOW, extras.shadow.counts)
    paths = frozenset(route.path for route in app.routes if isinstance(route, Route))
    app.add_middleware(Observed, paths=paths, observers=observers)


def described_health(follower: Follower) -> dict[str, Any]:
    """Return the state of the endpoint: "ok", "stale" (the registry has a fault) or "no model"."""
    loaded, age = follower.live.loaded, follower.checked_seconds_ago()
    return {
        "status": ("stale" if follower.fault else "ok") if loaded else "no model",
        "version": loaded.promotion.version if loaded else None,
        "fault": follower.fault or None,
        "checked_seconds_ago": None if age is None else round(age, 1),
    }


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
