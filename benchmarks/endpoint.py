"""A running endpoint, and what it does under the load of some clients."""

import asyncio
import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import psutil

from lradapt.errors import LradaptError

_ALL_THREADS = 2  # CPUCLOCK_SCHED of the kernel
_START_SECONDS = 120
_NOT_READY = 503


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


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, on 127.0.0.1."""

    pid: int
    port: int

    def cpu_seconds(self) -> float:
        """Return the CPU seconds of all its processes, but for those that take idle time alone."""
        return sum(_cpu_seconds(each) for each in _processes(self.pid))


def _processes(pid: int) -> list[int]:
    """Return a process and all that it has started, but for those of the policy SCHED_IDLE."""
    found = [pid, *(each.pid for each in _started_by(pid))]
    return [each for each in found if os.sched_getscheduler(each) != os.SCHED_IDLE]


def _started_by(pid: int) -> list[psutil.Process]:
    """Return the processes that a process has started, directly or not; none if it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return list(psutil.Process(pid).children(recursive=True))
    return []


def _cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of all threads of a process, by Linux's clock of it."""
    return time.clock_gettime((~pid << 3) | _ALL_THREADS)


@contextlib.contextmanager
def serving(
    words: Sequence[str], folder: Path = Path(), environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run a server within the block.

    Args:
        words: its command, without `--port`.
        folder: in which it runs.
        environment: of the process; by default that of this one.

    Raises:
        LradaptError: it has ended, or does not answer.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*words, "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_for(process, port)
        yield Server(process.pid, port)
    finally:
        started = _started_by(process.pid)
        process.terminate()
        process.wait()
        for each in started:  # what it has not ended itself
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()


def _wait_for(process: "subprocess.Popen[bytes]", port: int) -> None:
    for _ in range(10 * _START_SECONDS):
        if process.poll() is not None:
            break
        try:
            with urlopen(f"http://127.0.0.1:{port}/health"):
                return
        except HTTPError as error:
            error.close()
            if error.code != _NOT_READY:
                return  # it needs a token
        except (URLError, ConnectionError):
            pass
        time.sleep(0.1)
    raise LradaptError(f"the server on port {port} has not started, or has ended")


def predict_request(content: bytes, token: str = "") -> bytes:
    """Return the bytes of a request for the answer to an image file."""
    head = f"POST /predict HTTP/1.1\r\nHost: here\r\nContent-Length: {len(content)}\r\n"
    head += "Content-Type: application/octet-stream\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    return head.encode() + b"\r\n" + content


def put_load(server: Server, requests: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Send requests in turn for some seconds, each client without a pause.

    Raises:
        LradaptError: an answer has another status than 200.
    """
    before, started = server.cpu_seconds(), time.monotonic()
    until = started + seconds

    async def all_clients() -> list[list[float]]:
        work = (_client(server, requests, first, until) for first in range(clients))
        return await asyncio.gather(*work)

    times = sorted(each for one in asyncio.run(all_clients()) for each in one)
    return Load(
        len(times),
        time.monotonic() - started,
        server.cpu_seconds() - before,
        times[len(times) // 2],
        times[int(0.99 * (len(times) - 1))],
    )


async def _client(
    server: Server, requests: Sequence[bytes], first: int, until: float
) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    times, numbers = [], count(first)
    try:
        while (began := time.monotonic()) < until:
            writer.write(requests[next(numbers) % len(requests)])
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
