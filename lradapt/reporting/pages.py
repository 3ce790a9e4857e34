"""Rendering self-contained HTML pages and Markdown; the templates are in this package."""

import base64
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from lradapt.reporting.markdown import escaped
from lradapt.text import printable, shortened

if TYPE_CHECKING:
    from jinja2 import Environment


def render_page(template: str, **values: Any) -> str:
    """Render an HTML template, such as `report.html.jinja`; text is escaped."""
    return _environment(autoescape=True).get_template(template).render(**values)


def render_text(template: str, **values: Any) -> str:
    """Render a Markdown template; its filter `cell` escapes a text."""
    environment = _environment(trim_blocks=True, keep_trailing_newline=True)
    return environment.get_template(template).render(**values)


def png_uri(picture: bytes) -> str:
    """Return a PNG file as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def _environment(**settings: Any) -> "Environment":
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    loader = FunctionLoader(_read)
    environment = Environment(loader=loader, undefined=StrictUndefined, finalize=_plain, **settings)
    environment.filters["cell"] = escaped
    environment.filters["short"] = shortened
    return environment


def _plain(value: Any) -> Any:
    """Return a value of a page; in text that is no markup of ours, controls are escaped."""
    is_text = isinstance(value, str) and not hasattr(value, "__html__")
    return printable(value, keep="\n") if is_text else value


def _read(name: str) -> str:
    return files("lradapt.reporting").joinpath(name).read_text(encoding="utf-8")
