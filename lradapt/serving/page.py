"""`/`: the page in which a person gives an image and sees the answer; it loads nothing from others.

Its files tell nothing about the model, so they need no token: the page asks for one and sends it in
the header of its requests.
"""

from fastapi import FastAPI

from lradapt.serving.page_files import add_files

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
    add_files(app, "lradapt.serving", _HEADERS)
