"""Listening, and the connections of clients: how many, how long they may be idle, and how all end.

uvicorn closes a connection that is idle between two requests. It has no limit for a connection that
never sends a request, that sends one a byte at a time, or that does not read its answer.
"""

import asyncio
import errno
import socket
from collections.abc import Iterable, Sequence
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from lradapt.errors import LradaptError
from lradapt.runtime.system.sockets import own_address
from lradapt.serving.settings import ConnectionLimits

_STOPPING = b'{"detail":"the server stops"}'


class ListenError(LradaptError):
    """The address cannot be listened on."""


def run(app: ASGIApp, listeners: Sequence[socket.socket], limits: ConnectionLimits) -> None:
    """Serve an ASGI application until the process is stopped by Ctrl-C or SIGTERM.

    Args:
        app: to serve.
        listeners: of `listen`.
        limits: of the connections.

    Raises:
        ListenError: another program has begun to listen on the same address.
        KeyboardInterrupt: Ctrl-C.
    """
    try:
        server_of(app, limits).run(list(listeners))
    except OSError as error:
        host, port, *_ = listeners[0].getsockname()
        raise _cannot_listen(host, port, error) from error


def server_of(app: ASGIApp, limits: ConnectionLimits) -> uvicorn.Server:
    """Return the server of an application, which `run` runs."""
    config = uvicorn.Config(
        _Stoppable(app),
        http=_protocol(limits),
        ws="none",
        log_level="error",  # a warning is about what a client sends
        limit_concurrency=limits.max_connections + 1,
        timeout_graceful_shutdown=limits.grace_seconds,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> list[socket.socket]:
    """Return sockets that are bound to all addresses of a host; they do not accept anything yet.

    Raises:
        ListenError: one of them cannot be bound.
    """
    bound: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in dict.fromkeys(found):
            bound.append(socket.socket(family, kind, protocol))  # asyncio looks at the protocol
            own_address(bound[-1])
            if family == socket.AF_INET6:
                bound[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound[-1].bind(address)
    except OSError as error:
        for each in bound:
            each.close()
        raise _cannot_listen(host, port, error) from error
    return bound


def _cannot_listen(host: str, port: int, error: OSError) -> ListenError:
    reason = (error.strerror or str(error)).lower()
    is_used = error.errno == errno.EADDRINUSE
    remedy = "Stop the program that uses this port, or choose" if is_used else "Choose"
    return ListenError(
        f"cannot listen on {host}, port {port}: {reason}. {remedy} another address with --host and "
        "--port"
    )


class _Stoppable:
    """An application whose requests end with 503, and without a traceback, if they are cancelled.

    uvicorn cancels those that are not answered when the time of a stop is over.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if scope["type"] != "http":
                raise
            headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": _STOPPING})


def _protocol(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol of a connection, with these limits."""

    class Protocol(_LimitedProtocol):
        _limits = limits

    return Protocol


class _LimitedProtocol(H11Protocol):
    """A connection that is closed if it is idle for too long, or the oldest idle one of too many.

    It is idle while it waits for the head of a request to be complete, or for its client to read.
    """

    _limits: ConnectionLimits
    _closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()
        if len(self.connections) > self._limits.max_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except h11.LocalProtocolError:  # an invalid request, and an answer has begun
            self.transport.abort()
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._watch()

    @property
    def _is_idle(self) -> bool:
        in_progress = self.cycle is not None and not self.cycle.response_complete
        return not in_progress or self.flow.write_paused

    def _watch(self) -> None:
        """Start the time limit where the connection becomes idle, and end it where it is not."""
        if not self._is_idle:
            self._unwatch()
        elif self._closing is None:
            self._closing = self.loop.call_later(self._limits.idle_seconds, self.transport.abort)

    def _unwatch(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def _make_room(self) -> None:
        others: Iterable[Any] = self.connections - {self}
        idle = [each for each in others if each._closing is not None]
        if idle:  # else this one is answered with 503
            longest = min(idle, key=lambda each: each._closing.when())
            longest._unwatch()
            longest.transport.abort()
