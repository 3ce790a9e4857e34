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


def truth_of(pictures: Iterable[Picture]) -> dict[str, str]:
    """Return the true class by the SHA-256 of what was sent."""
    return {hashlib.sha256(each.content()).hexdigest(): each.name for each in pictures}


def review(project: Path, truth: Mapping[str, str]) -> int:
    """Give all images of the queue their true class; return how many.

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
            return _decide_all(page, truth)
    finally:
        process.terminate()
        process.wait()


def _decide_all(page: httpx.Client, truth: Mapping[str, str]) -> int:
    done = 0
    found = _post(page, "/api/next", {"queue": "recorded"})
    while found["items"]:
        item = found["items"][0]
        content = page.get(f"/recorded/{item['recorded']}").content
        name = truth[hashlib.sha256(content).hexdigest()]
        decision = {key: item[key] for key in ("image", "label", "seen")}
        asked = {"queue": "recorded", "action": "change", "new": name, **decision}
        found = _post(page, "/api/decide", asked)
        done += 1
    return done


def _post(page: httpx.Client, path: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    answer = page.post(path, json={**_WHO, **asked})
    if answer.status_code != HTTPStatus.OK:
        raise LradaptError(f"{path} has answered with {answer.status_code}: {answer.text[:300]}")
    found: dict[str, Any] = answer.json()
    return found
