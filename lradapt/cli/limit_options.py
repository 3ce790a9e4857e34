"""The options of `lradapt serve` that limit requests and connections."""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

from lradapt.cli.number_options import MAX_SECONDS, number_option
from lradapt.runtime.system.cores import available_cores
from lradapt.serving.settings import MB, ConnectionLimits, Settings

_PANEL = "Limits"
_UPLOADS_IN_FLIGHT = 5  # that fit, if each is as large as it may be


@dataclass(frozen=True, slots=True)
class _Limit:
    """The words of an option; it sets the field of the settings or limits that has its name."""

    help: str
    least: float = 0.1
    most: float = math.inf


_LIMITS = {
    "max_files": _Limit("Limit of one request; more are answered with 413.", least=1),
    "max_megapixels": _Limit("Limit of one image; a larger one is answered with 422.", least=0.01),
    "total_megapixels": _Limit(
        "Limit of all images of one request; more are answered with 413.", least=0.01
    ),
    "max_waiting": _Limit(
        "The most requests that wait for a thread; a further one is answered with 503.", least=1
    ),
    "max_connections": _Limit(
        "The most open connections; if there are more, the one idle for longest is closed.", least=1
    ),
    "body_seconds": _Limit(
        "Time for the body of a request to arrive; then the answer is 408.", most=MAX_SECONDS
    ),
    "idle_seconds": _Limit(
        "Time for a client to send the headers of a request, or to read the answer; then the "
        "connection is closed.",
        most=MAX_SECONDS,
    ),
    "look_seconds": _Limit(
        "Time for the registry to answer; then /health has a fault.", most=MAX_SECONDS
    ),
    "grace_seconds": _Limit(
        "Time for requests in progress once the server is stopped.", least=1, most=MAX_SECONDS
    ),
}


def _number(**words: Any) -> Any:
    return number_option(rich_help_panel=_PANEL, **words)


def _whole_number(limit: _Limit) -> Any:
    most = None if math.isinf(limit.most) else limit.most
    return typer.Option(min=limit.least, max=most, help=limit.help, rich_help_panel=_PANEL)


def _option(limit: _Limit, kind: object) -> Any:
    if kind is int:
        return _whole_number(limit)
    return _number(least=limit.least, most=limit.most, help=limit.help)


def with_limits(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with an option for each of `_LIMITS`, in place of its `**limits`."""
    defaults = {
        field.name: field for kind in (Settings, ConnectionLimits) for field in fields(kind)
    }
    options = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults[name].default,
            annotation=Annotated[defaults[name].type, _option(limit, defaults[name].type)],
        )
        for name, limit in _LIMITS.items()
    ]
    own = inspect.signature(command).parameters.values()
    kept = [each for each in own if each.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = inspect.Signature([*kept, *options])  # type: ignore[attr-defined]
    return command


MaxUpload = Annotated[
    float,
    _number(least=0.1, unit="MB", help="Limit of one request; a larger one is answered with 413."),
]
MaxInFlight = Annotated[
    float | None,
    _number(
        least=0.1,
        unit="MB",
        help="Limit of all requests that are not answered yet; beyond it, the oldest "
        "incomplete one is answered with 503.",
        show_default=f"{_UPLOADS_IN_FLIGHT} times --max-upload",
    ),
]


def chosen_limits(
    max_upload: float,
    max_in_flight: float | None,
    threads: int | None,
    refresh_seconds: float,
    limits: dict[str, Any],
) -> tuple[Settings, ConnectionLimits]:
    """Return the limits of requests, and those of connections.

    Args:
        max_upload: megabytes of a request.
        max_in_flight: megabytes of all requests; None: some times `max_upload`.
        threads: None: as many as this process has cores.
        refresh_seconds: between two looks at the registry.
        limits: the options of `with_limits`.

    Raises:
        typer.BadParameter: options that contradict each other.
    """
    in_flight = _UPLOADS_IN_FLIGHT * max_upload if max_in_flight is None else max_in_flight
    _require_at_least(in_flight, "--max-in-flight", max_upload, "--max-upload")
    _require_at_least(
        *(limits["total_megapixels"], "--total-megapixels"),
        *(limits["max_megapixels"], "--max-megapixels"),
    )
    names = {field.name for field in fields(ConnectionLimits)}
    settings = Settings(
        max_bytes=int(max_upload * MB),
        refresh_seconds=refresh_seconds,
        num_threads=threads or available_cores(),
        max_bytes_in_flight=int(in_flight * MB),
        **{name: value for name, value in limits.items() if name not in names},
    )
    return settings, ConnectionLimits(**{name: limits[name] for name in names})


def _require_at_least(value: float, option: str, least: float, other: str) -> None:
    if value < least:
        raise typer.BadParameter(
            f"{option} {value:g} is below {other} {least:g}; expected at least as much"
        )
