"""A person at `lradapt review --queue recorded`, who knows the true class of every image."""

import hashlib
import subprocess
import sys
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from benchmarks.simulated_day.pictures import Picture
from lradapt.errors import LradaptError

_WHO = {"who": "simulated day", "window": "1"}


def by_hash(pictures: Iterable[Picture]) -> dict[str, Picture]:
    """Return the images by the SHA-256 of what was sent."""
    return {hashlib.sha256(each.content()).hexdigest(): each for each in pictures}


def review(project: Path, sent: Mapping[str, Picture]) -> list[Picture]:
    """Give all images of the queue their true class; return these images.

    Args:
        project: the folder of the project.
        sent: all images that can be in the queue, by SHA-256.

    Raises:
        LradaptError: the page refuses a request.
    """
    command = [sys.executable, "-m", "lradapt", "review", "--queue", "recorded", "--no-browser"]
    process = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        parts = urlsplit(address)
        own = f"{parts.scheme}://{parts.netloc}"
        with httpx.Client(base_url=own, headers={"Origin": own}, timeout=60) as page:
            page.get(address)  # whose answer sets the cookie
            return _decide_all(page, sent)
    finally:
        process.terminate()
        process.wait()


def _decide_all(page: httpx.Client, sent: Mapping[str, Picture]) -> list[Picture]:
    done = []
    found = _post(page, "/api/next", {"queue": "recorded"})
    while found["items"]:
        item = found["items"][0]
        content = page.get(f"/recorded/{item['recorded']}").content
        picture = sent[hashlib.sha256(content).hexdigest()]
        decision = {key: item[key] for key in ("image", "label", "seen")}
        asked = {"queue": "recorded", "action": "change", "new": picture.name, **decision}
        found = _post(page, "/api/decide", asked)
        done.append(picture)
    return done


def _post(page: httpx.Client, path: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    answer = page.post(path, json={**_WHO, **asked})
    if answer.status_code != HTTPStatus.OK:
        raise LradaptError(f"{path} has answered with {answer.status_code}: {answer.text[:300]}")
    found: dict[str, Any] = answer.json()
    return found
