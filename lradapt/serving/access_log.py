"""The access log: one JSON object a line for each request, without anything of what it contains.

A line has no image, no name of a file, no token, and no path that does not exist. It is written in
a thread of its own, so a slow or full disk loses lines, which are counted, and delays no answer.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lradapt.errors import LradaptError
from lradapt.runtime.system.opening import open_any
from lradapt.serving.background import Background
from lradapt.serving.exchanges import Exchange

_MAX_WAITING = 10_000
_GATHER_SECONDS, _CLOSE_SECONDS = 0.1, 5.0


class AccessLogError(LradaptError):
    """The access log cannot be written."""


class AccessLog:
    """Lines that are appended to a file. It may be moved or truncated only by copying it first."""

    def __init__(self, descriptor: int) -> None:
        """Write to an open file."""
        self._descriptor, self._is_cut = descriptor, False
        self._background = Background(
            self._write,
            name="the access log is not written",
            max_items=_MAX_WAITING,
            gather_seconds=_GATHER_SECONDS,
        )
        self._num_lost = self._num_written = 0

    def counts(self) -> dict[str, int]:
        """Return how many lines were written, and how many lost."""
        lost = self._background.num_dropped + self._num_lost
        return {"written": self._num_written, "lost": lost}

    def note(self, exchange: Exchange) -> None:
        """Write the line of a request, soon."""
        self._background.offer(exchange)

    def close(self) -> None:
        """Write what waits, for seconds at most."""
        self._background.close(_CLOSE_SECONDS)

    def _write(self, exchange: Exchange) -> None:
        line = b"\n" * self._is_cut + line_of(exchange).encode() + b"\n"
        try:
            self._is_cut = os.write(self._descriptor, line) < len(line)
        except OSError:
            self._num_lost += 1
            raise
        self._num_written += not self._is_cut
        self._num_lost += self._is_cut


def line_of(exchange: Exchange) -> str:
    """Return the line of a request, without the end of the line."""
    value = {
        "time": exchange.at.isoformat(timespec="milliseconds"),
        "client": exchange.client,
        "token": exchange.owner,
        "method": exchange.method,
        "path": exchange.path,
        "status": exchange.status,
        "ms": round(exchange.seconds * 1000, 1),
        "images": len(exchange.predictions),
        "version": exchange.answer.get("version"),
    }
    return json.dumps(value)


@contextmanager
def opened_log(path: str | None) -> Iterator[AccessLog | None]:
    """Yield the log; when the block ends, the waiting lines are written.

    Args:
        path: of a file to append to, "-" for stdout, or None for no log.

    Raises:
        AccessLogError: the file cannot be opened.
    """
    if path is None:
        yield None
        return
    descriptor = sys.stdout.fileno() if path == "-" else _opened(Path(path))
    log = AccessLog(descriptor)
    try:
        yield log
    finally:
        log.close()
        if path != "-":
            os.close(descriptor)


def _opened(path: Path) -> int:
    try:
        return open_any(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    except OSError as error:
        raise AccessLogError(
            f"--access-log {path}: {(error.strerror or str(error)).lower()}; expected a file that "
            "can be written, or - for stdout"
        ) from error
