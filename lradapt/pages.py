"""HTML pages that need nothing beside them: the templates and the style lie in this package."""

import base64
from importlib.resources import files
from typing import Any


def render_page(template: str, **values: Any) -> str:
    """The page of the template of that name, such as `report.html.jinja`; text is escaped."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_read), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template(template).render(**values)


def png_uri(picture: bytes) -> str:
    """A PNG file as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def _read(name: str) -> str:
    return files("lradapt").joinpath(name).read_text(encoding="utf-8")
