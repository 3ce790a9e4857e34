"""The limits of an endpoint: what one request may cost, and what all of them together may hold."""

from dataclasses import dataclass

MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of an endpoint.

    Attributes:
        max_bytes: of a request's body; a larger one is refused before it is read completely.
        refresh_seconds: between two checks for another version in production.
        num_threads: number of images that are decoded, or batches classified, at the same time.
        max_megapixels: of one image; the model's own limit applies too.
        max_files: of one request.
        total_megapixels: of all images of one request together.
        max_waiting: number of requests that wait for a thread; beyond it, the one that would wait
            longest is refused.
        max_bytes_in_flight: of the bodies of all requests that are not answered yet; beyond it, the
            oldest incomplete one is refused.
        body_seconds: within which a body must be complete.
        look_seconds: within which the registry must answer.
    """

    max_bytes: int
    refresh_seconds: float
    num_threads: int
    max_megapixels: float = 25
    max_files: int = 100
    total_megapixels: float = 100
    max_waiting: int = 32
    max_bytes_in_flight: int = 100 * MB
    body_seconds: float = 30
    look_seconds: float = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """ConnectionLimits of connections.

    Attributes:
        max_connections: at the same time; beyond it, the one that is idle the longest is closed.
        idle_seconds: within which a request's head must be complete, or an answer read.
        grace_seconds: for the requests that are in progress when the server is stopped.
    """

    max_connections: int = 256
    idle_seconds: float = 10
    grace_seconds: int = 5
