"""Pages that need nothing beside them, HTML or Markdown: their templates lie in this package."""

import base64
from importlib.resources import files
from typing import Any

from lradapt.reporting.markdown import escaped


def render_page(template: str, **values: Any) -> str:
    """The page of the template of that name, such as `report.html.jinja`; text is escaped."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_read), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template(template).render(**values)


def render_text(template: str, **values: Any) -> str:
    """The Markdown of the template of that name; the filter `cell` escapes a text."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = escaped
    return environment.get_template(template).render(**values)


def png_uri(picture: bytes) -> str:
    """A PNG file as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def _read(name: str) -> str:
    return files("lradapt.reporting").joinpath(name).read_text(encoding="utf-8")
