"""Clients of an endpoint that send one image each request, and keep every answer."""

import http.client
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count

from benchmarks.simulated_day.pictures import Picture

_TIMEOUT = 60  # seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for an image.

    Attributes:
        picture: that was sent.
        fault: the status and the text of an answer that is not 200, or the error; else empty.
        predicted: the class; empty for a fault.
        version: of the model that answered.
        seconds: from the request to the end of the answer.
    """

    picture: Picture
    fault: str
    predicted: str
    version: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests go: a port of this machine, with a bearer token."""

    port: int
    token: str

    def ask(self, picture: Picture) -> Answer:
        """Send an image, and return the answer; a fault is one, too."""
        content, began = picture.content(), time.perf_counter()
        try:
            status, text = self._request("POST", "/predict", content)
        except (OSError, http.client.HTTPException) as error:
            return Answer(picture, repr(error), "", "", time.perf_counter() - began)
        taken = time.perf_counter() - began
        if status != HTTPStatus.OK:
            return Answer(picture, f"{status} {text[:200]!r}", "", "", taken)
        found = json.loads(text)
        return Answer(picture, "", found["predictions"][0]["class"], found["version"], taken)

    def get(self, path: str) -> str:
        """Return the text of an address."""
        return self._request("GET", path)[1].decode()

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def _request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT)
        connection.request(method, path, body, headers=self._headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, text


def ask_all(endpoint: Endpoint, pictures: Sequence[Picture], clients: int) -> list[Answer]:
    """Send all images, some at the same time; return the answers in no order."""
    numbers, answers = count(), list[Answer]()

    def work() -> None:
        while (number := next(numbers)) < len(pictures):
            answers.append(endpoint.ask(pictures[number]))

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@dataclass(slots=True)
class Steady:
    """Requests that go on beside other work; `answers` has those that came back."""

    answers: list[Answer] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)


@contextmanager
def steady_requests(
    endpoint: Endpoint, pictures: Sequence[Picture], pause: float
) -> Iterator[Steady]:
    """Send images again and again within the block, one after another.

    Args:
        endpoint: that is asked.
        pictures: sent in turn.
        pause: seconds between an answer and the next request.
    """
    steady = Steady()

    def work() -> None:
        for number in count():
            if steady.stopped.wait(pause):
                return
            steady.answers.append(endpoint.ask(pictures[number % len(pictures)]))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield steady
    finally:
        steady.stopped.set()
        thread.join()
