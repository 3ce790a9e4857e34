"""The HTTP endpoint: classify images with the model in production, and follow its changes.

Decoding and ONNX Runtime run in threads, so the loop answers while they work.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from lradapt.serving.additions import NOTHING, Additions
from lradapt.serving.endpoint import Endpoint
from lradapt.serving.exchanges import Observed
from lradapt.serving.follower import Follower
from lradapt.serving.live_model import LiveModel
from lradapt.serving.metrics import Metrics, add_metrics
from lradapt.serving.nearest_path import add_nearest
from lradapt.serving.page import add_page
from lradapt.serving.predictions import add_predictions
from lradapt.serving.probes import add_probes
from lradapt.serving.record import Record, recording
from lradapt.serving.settings import Settings
from lradapt.serving.shadow import add_shadow
from lradapt.serving.states import add_states
from lradapt.serving.token_guard import TokenGuard
from lradapt.serving.turns import Turns
from lradapt.serving.uploads import InFlight

_CLIENT_GONE = 499  # for nobody to read
_LINES = ("lradapt_access_log_lines", "Lines of the access log, by result.", "result")
_RECORD = ("lradapt_record_images", "Images of answers for the record, by result.", "result")
_RECORD_FAULT = ("lradapt_record_fault", "1 while answers cannot be recorded.")
_SHADOW = ("lradapt_shadow_images", "Images of the challenger in shadow mode, by result.", "result")


def create_app(
    live: LiveModel,
    settings: Settings,
    additions: Additions = NOTHING,
    *,
    record: Record | None = None,
) -> FastAPI:
    """Return the endpoint as an ASGI application; while it runs, it follows the registry.

    Args:
        live: the model in production.
        settings: the limits.
        additions: what it has beside its answers.
        record: of the answers; None: they are not recorded.
    """
    endpoint = Endpoint(
        follower=Follower(live, settings.look_seconds),
        settings=settings,
        turns=Turns(settings.num_threads, settings.max_waiting),
        in_flight=InFlight(settings.max_bytes_in_flight),
        additions=additions,
        record=record,
    )
    # No pages of documentation: they load scripts from other servers.
    app = FastAPI(lifespan=_following(endpoint), openapi_url=None)
    app.add_exception_handler(ClientDisconnect, lambda *_: Response(status_code=_CLIENT_GONE))
    app.add_middleware(TokenGuard, accepted=additions.accepted)
    add_probes(app, live)
    add_predictions(app, endpoint)
    add_states(app, endpoint)
    add_page(app)
    add_nearest(app, endpoint)
    add_shadow(app, additions.shadow)
    _observe(app, endpoint)
    return app


def _following(endpoint: Endpoint) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return what runs as long as the application: looks at the registry, and the record."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        follower = endpoint.follower
        await follower.look()
        following = asyncio.create_task(follower.follow(endpoint.settings.refresh_seconds))
        async with recording(endpoint.record):
            yield
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following

    return lifespan


def _observe(app: FastAPI, endpoint: Endpoint) -> None:
    """Have all exchanges counted and logged, those of the guard too; all routes must be there."""
    metrics = _metrics(endpoint)
    add_metrics(app, metrics)
    log = endpoint.additions.access_log
    observers = [metrics.observe, *([log.note] if log else [])]
    paths = frozenset(route.path for route in app.routes if isinstance(route, Route))
    app.add_middleware(Observed, paths=paths, observers=observers)


def _metrics(endpoint: Endpoint) -> Metrics:
    metrics, additions, record = Metrics(endpoint.follower), endpoint.additions, endpoint.record
    if record is not None:
        metrics.add(*_RECORD, record.counts)
        metrics.add_state(*_RECORD_FAULT, record.has_fault)
    if additions.access_log:
        metrics.add(*_LINES, additions.access_log.counts)
    if additions.shadow:
        metrics.add(*_SHADOW, additions.shadow.counts)
    return metrics
