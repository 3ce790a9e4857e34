"""What is noted of each request and its answer, for the metrics and the access log."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lradapt.serving.token_guard import token_owner

OTHER = "other"
"""The path of all requests for something that does not exist: it may hold anything."""

_KEY = "lradapt.exchange"


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A request and its answer.

    Attributes:
        at: when the request came.
        method: as sent, 20 letters at most.
        path: one that exists, or `OTHER`.
        client: address of the sender, or of the proxy before it.
        owner: name of the token; None without one.
        status: of the answer.
        seconds: from the head of the request to the end of the answer.
        answer: to images that were classified; empty for others.
    """

    at: datetime
    method: str
    path: str
    client: str
    owner: str | None = None
    status: int = 0
    seconds: float = 0.0
    answer: Mapping[str, Any]

    @property
    def predictions(self) -> Sequence[Mapping[str, Any]]:
        """The predictions of the answer; none if no image was classified."""
        found: Sequence[Mapping[str, Any]] = self.answer.get("predictions", ())
        return found


def note_answer(scope: Scope, answer: Mapping[str, Any]) -> None:
    """Keep the answer to the images of a request for those who observe it."""
    if (exchange := scope.get(_KEY)) is not None:
        exchange.answer = answer


class Observed:
    """An application whose exchanges are given to observers, each when it is over."""

    def __init__(
        self,
        app: ASGIApp,
        paths: Collection[str],
        observers: Sequence[Callable[[Exchange], None]],
    ) -> None:
        self._app, self._paths, self._observers = app, paths, observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and report the exchange."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = scope[_KEY] = self._begun(scope)
        started = time.perf_counter()

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:  # the server stops: see lradapt.serving.connections
            exchange.status = exchange.status or 503
            raise
        except Exception:
            exchange.status = exchange.status or 500
            raise
        finally:
            exchange.seconds = time.perf_counter() - started
            exchange.owner = token_owner(scope)
            for observe in self._observers:
                observe(exchange)

    def _begun(self, scope: Scope) -> Exchange:
        return Exchange(
            at=datetime.now(UTC),
            method=scope["method"][:20],
            path=scope["path"] if scope["path"] in self._paths else OTHER,
            client=(scope.get("client") or ("",))[0],
            answer={},
        )
