"""`lradapt serve`: the HTTP endpoint of the model in production."""

import inspect
import logging
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from ipaddress import ip_address
from typing import Annotated, Any

import typer

from lradapt.cli import completion, record_options
from lradapt.cli.nearest import nearest_in
from lradapt.cli.options import Location, Name
from lradapt.cli.record_options import RecordChoice
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry
from lradapt.serving.settings import MB, Limits, Settings

log = logging.getLogger(__name__)

_UPLOADS_IN_FLIGHT = 5  # that fit, if each is as large as it may be


@dataclass(frozen=True, slots=True)
class _Limit:
    """The words of an option that sets the field of `Settings` or `Limits` with its name."""

    help: str
    least: float = 0.1


_LIMITS = {
    "max_files": _Limit("Limit of one request; more are answered with 413.", least=1),
    "max_megapixels": _Limit("Limit of one image; a larger one is answered with 422.", least=0.01),
    "total_megapixels": _Limit(
        "Limit of all images of one request; more are answered with 413.", least=0.01
    ),
    "max_waiting": _Limit(
        "Requests that wait for a thread; beyond it, one is answered with 503.", least=1
    ),
    "max_connections": _Limit(
        "Open connections; if there are more, the one idle for longest is closed.", least=1
    ),
    "body_seconds": _Limit("For a body to be complete; after it, the answer is 408."),
    "idle_seconds": _Limit(
        "For a client to send the headers of a request, and to read the answer; after it, the "
        "connection is closed."
    ),
    "look_seconds": _Limit("For the registry to answer; after it, /health has a fault."),
    "grace_seconds": _Limit("For requests in progress when the server is stopped.", least=1),
}


def _in_panel(**words: Any) -> Any:
    return typer.Option(rich_help_panel="Limits", **words)


def _with_limits(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with an option for each of `_LIMITS`, in place of its `**limits`."""
    defaults = {field.name: field for kind in (Settings, Limits) for field in fields(kind)}
    options = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults[name].default,
            annotation=Annotated[defaults[name].type, _in_panel(min=limit.least, help=limit.help)],
        )
        for name, limit in _LIMITS.items()
    ]
    own = inspect.signature(command).parameters.values()
    kept = [each for each in own if each.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = inspect.Signature([*kept, *options])  # type: ignore[attr-defined]
    return command


@_with_limits
def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; there is no TLS: keep it internal.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    refresh_seconds: Annotated[
        float, typer.Option(min=0.1, help="Between two checks for another version.")
    ] = 5,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Number of images processed at once.", show_default="the cores"),
    ] = None,
    access_log: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Append a line of JSON for each request to it; - for stdout."
        ),
    ] = None,
    nearest: Annotated[
        bool,
        typer.Option(
            "--nearest", help="The page shows the nearest training images, to all who may use it."
        ),
    ] = False,
    shadow: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            help="Run this version beside, and count where its answers differ.",
            autocompletion=completion.versions,
        ),
    ] = None,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
    max_upload: Annotated[
        float,
        _in_panel(
            min=0.1, metavar="MB", help="Limit of one request; a larger one is answered with 413."
        ),
    ] = 20,
    max_in_flight: Annotated[
        float | None,
        _in_panel(
            min=0.1,
            metavar="MB",
            help="Limit of all requests that are not answered yet; beyond it, the oldest "
            "incomplete one is answered with 503.",
            show_default=f"{_UPLOADS_IN_FLIGHT} times --max-upload",
        ),
    ] = None,
    record: record_options.To = None,
    record_images: record_options.Images = False,
    record_days: record_options.Days = 30,
    record_bytes: record_options.Bytes = 1000,
    record_spool: record_options.Spool = record_options.DEFAULT_SPOOL,
    **limits: Any,
) -> None:
    """Serve the model in production over HTTP.

    In a browser, its address shows a page for single images. POST /predict
    takes one image, or a form with several; GET /health, /version
    and /metrics describe the state. A newly promoted version is loaded by
    itself, without a failed request. Prints its address, and runs until it is
    stopped. With --record, answers are kept for `lradapt queue` and
    `lradapt drift`.

    If the variable LRADAPT_TOKENS has entries of `lradapt token`, each request needs
    one of these tokens, except those for the page itself, /livez and /readyz.
    """
    from lradapt.serving import connections
    from lradapt.serving.access_log import opened_log
    from lradapt.serving.extras import Extras
    from lradapt.serving.live_model import LiveModel
    from lradapt.serving.nearest import Nearest
    from lradapt.serving.server import create_app
    from lradapt.serving.shadow import shadowed
    from lradapt.serving.tokens import VARIABLE, read_tokens

    accepted = read_tokens(os.environ.get(VARIABLE))
    in_flight = _UPLOADS_IN_FLIGHT * max_upload if max_in_flight is None else max_in_flight
    _require_at_least(in_flight, "--max-in-flight", max_upload, "--max-upload")
    _require_at_least(
        *(limits["total_megapixels"], "--total-megapixels"),
        *(limits["max_megapixels"], "--max-megapixels"),
    )
    of_connections = {field.name: limits.pop(field.name) for field in fields(Limits)}
    settings = Settings(
        max_bytes=int(max_upload * MB),
        refresh_seconds=refresh_seconds,
        num_threads=threads or len(os.sched_getaffinity(0)),
        max_bytes_in_flight=int(in_flight * MB),
        **limits,
    )
    choice = RecordChoice(record, record_images, record_days, record_bytes, record_spool)
    recorded = choice.opened(max_upload)
    opened = open_registry(registry, name)
    live = LiveModel(opened, threads=1)  # the requests are the threads
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of malformed forms
    with opened_log(access_log) as lines, shadowed(opened, shadow) as challenger:
        listeners = connections.listen(host, port)
        typer.echo(f"{name} of {registry} on http://{host}:{port} (/predict, /health, /version)")
        if not accepted and not _is_loopback(listeners):
            log.warning("everybody who reaches %s may use it: %s is not set", host, VARIABLE)
        if trusted := opened.keys.trusted:
            typer.echo(f"only what is signed by {', '.join(each.name for each in trusted.keys)}")
        if recorded is not None:
            kept = "too" if record_images else "not"
            typer.echo(f"answers are recorded in {record}, images {kept}")
        extras = Extras(
            accepted=accepted,
            access_log=lines,
            nearest=Nearest(nearest_in(opened)) if nearest else None,
            shadow=challenger,
        )
        app = create_app(live, settings, extras, record=recorded)
        connections.run(app, listeners, Limits(**of_connections))


def _is_loopback(listeners: Sequence[socket.socket]) -> bool:
    """Return whether only programs of this machine reach the sockets."""
    return all(ip_address(each.getsockname()[0]).is_loopback for each in listeners)


def _require_at_least(value: float, option: str, least: float, other: str) -> None:
    if value < least:
        raise typer.BadParameter(
            f"{option} {value:g} is below {other} {least:g}; expected at least as much"
        )
