"""The rate of two ways to serve, in alternating pairs, beside whatever else the machine does.

    python -m benchmarks.serving photo.jpg "lradapt serve" "env LRADAPT_TOKENS=... lradapt serve"

Both servers run all the time, and one of them has clients. The wall clock depends on the other work
of the machine, so the CPU seconds of the server for each request are the figure to compare.
"""

import asyncio
import contextlib
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import typer

from benchmarks.program import run
from lradapt.errors import LradaptError

_ALL_THREADS = 2  # CPUCLOCK_SCHED of the kernel
_START_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Load:
    """What one server did under load.

    Attributes:
        num_requests: that were answered with 200.
        seconds: of the wall clock.
        cpu_seconds: of the server.
        p50, p99: of the seconds of a request.
    """

    num_requests: int
    seconds: float
    cpu_seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.num_requests / self.seconds

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds of the server for each request."""
        return 1000 * self.cpu_seconds / self.num_requests


def compare(
    image: Annotated[Path, typer.Argument(help="An image file, the body of each request.")],
    first: Annotated[str, typer.Argument(help="A command of `lradapt serve`, without --port.")],
    second: Annotated[str, typer.Argument(help="Likewise; `env NAME=VALUE ...` sets variables.")],
    clients: Annotated[int, typer.Option(help="Connections that ask without a pause.")] = 16,
    pairs: Annotated[int, typer.Option(help="Number of alternating pairs.")] = 6,
    seconds: Annotated[float, typer.Option(help="Of each half of a pair.")] = 3,
    token: Annotated[str, typer.Option(help="Sent to both servers.")] = "",
) -> None:
    """Compare two ways to serve the model in production.

    Prints the medians of both, and the ratios of the second to the first in the pairs.
    """
    request = _request(image.read_bytes(), token)
    with _serving(first) as one, _serving(second) as other:
        for server in (one, other):
            _load(server, request, clients, seconds / 2)  # what is slow once is over
        found = [
            (_load(one, request, clients, seconds), _load(other, request, clients, seconds))
            for _ in range(pairs)
        ]
    for name, loads in zip(("first", "second"), zip(*found, strict=True), strict=True):
        typer.echo(f"{name}: {_described(loads)}")
    rates = sorted(later.rate / earlier.rate for earlier, later in found)
    cpu = sorted(later.cpu_ms / earlier.cpu_ms for earlier, later in found)
    for what, ratios in (("rate", rates), ("CPU of a request", cpu)):
        typer.echo(
            f"second to first, {what}: {median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
        )


def _described(loads: "tuple[Load, ...]") -> str:
    return (
        f"{median(each.rate for each in loads):.0f} requests/s, "
        f"{median(each.cpu_ms for each in loads):.2f} CPU ms each, "
        f"p50 {1000 * median(each.p50 for each in loads):.0f} ms, "
        f"p99 {1000 * median(each.p99 for each in loads):.0f} ms"
    )


def _request(content: bytes, token: str) -> bytes:
    head = f"POST /predict HTTP/1.1\r\nHost: here\r\nContent-Length: {len(content)}\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    return head.encode() + b"\r\n" + content


@dataclass(frozen=True, slots=True)
class _Server:
    pid: int
    port: int

    def cpu_seconds(self) -> float:
        """Return the CPU seconds of all its threads, by Linux's clock of a process."""
        return time.clock_gettime((~self.pid << 3) | _ALL_THREADS)


@contextlib.contextmanager
def _serving(command: str) -> Iterator[_Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [*shlex.split(command), "--port", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        _wait_for(process, port)
        yield _Server(process.pid, port)
    finally:
        process.terminate()
        process.wait()


def _wait_for(process: "subprocess.Popen[bytes]", port: int) -> None:
    for _ in range(10 * _START_SECONDS):
        if process.poll() is not None:
            break
        try:
            with urlopen(f"http://127.0.0.1:{port}/health"):
                return
        except HTTPError as error:
            error.close()
            return  # it needs a token
        except (URLError, ConnectionError):
            time.sleep(0.1)
    raise LradaptError(f"the server on port {port} has not started, or has ended")


def _load(server: _Server, request: bytes, clients: int, seconds: float) -> Load:
    before, started = server.cpu_seconds(), time.monotonic()
    until = started + seconds

    async def all_clients() -> list[list[float]]:
        return await asyncio.gather(*(_client(server, request, until) for _ in range(clients)))

    times = sorted(each for one in asyncio.run(all_clients()) for each in one)
    return Load(
        len(times),
        time.monotonic() - started,
        server.cpu_seconds() - before,
        times[len(times) // 2],
        times[int(0.99 * (len(times) - 1))],
    )


async def _client(server: _Server, request: bytes, until: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    times = []
    try:
        while (began := time.monotonic()) < until:
            writer.write(request)
            await _answer(reader, server.port)
            times.append(time.monotonic() - began)
    finally:
        writer.close()
        await writer.wait_closed()
    return times


async def _answer(reader: asyncio.StreamReader, port: int) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    status = head.split(" ", 2)[1]
    if status != "200":
        raise LradaptError(f"port {port} has answered with {status}; expected 200")
    await reader.readexactly(int(head.partition("content-length: ")[2].partition("\r")[0]))


if __name__ == "__main__":
    run(compare)
