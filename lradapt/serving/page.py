"""`/`: the page in which a person gives an image and sees the answer; it loads nothing from others.

Its files tell nothing about the model, so they need no token: the page asks for one and sends it in
the header of its requests.
"""

from collections.abc import Callable, Coroutine
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.responses import Response

_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
PAGE_PATHS = frozenset(_FILES)
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}


def add_page(app: FastAPI) -> None:
    """Add the page and its files to an application."""
    folder = files("lradapt.serving").joinpath("page")
    for path, (name, media_type) in _FILES.items():
        page = _constant(folder.joinpath(name).read_bytes(), media_type)
        app.add_api_route(path, page, methods=["GET"])


def _constant(content: bytes, media_type: str) -> Callable[[], Coroutine[Any, Any, Response]]:
    async def page() -> Response:
        return Response(content, media_type=media_type, headers=_HEADERS)

    return page
