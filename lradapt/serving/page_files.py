"""The files of a page of lradapt, answered as they are: its HTML, its style sheet, its script."""

from collections.abc import Mapping
from importlib.resources import files

from fastapi import FastAPI
from fastapi.responses import Response

_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
PAGE_PATHS = frozenset(_FILES)


def add_files(app: FastAPI, package: str, headers: Mapping[str, str] | None = None) -> None:
    """Add the page in the folder `page` of a package to an application."""
    folder = files(package).joinpath("page")
    for path, (name, media_type) in _FILES.items():
        add_constant(app, path, folder.joinpath(name).read_bytes(), media_type, headers)


def add_constant(
    app: FastAPI,
    path: str,
    content: bytes,
    media_type: str,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Add a path with always the same answer."""

    async def page() -> Response:
        return Response(content, media_type=media_type, headers=headers)

    app.add_api_route(path, page, methods=["GET"])
