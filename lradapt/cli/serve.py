"""`lradapt serve`: the HTTP endpoint of the model in production."""

import logging
import os
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import typer

from lradapt.cli import limit_options, record_options, serve_options
from lradapt.cli.limit_options import chosen_limits, with_limits
from lradapt.cli.nearest import nearest_in
from lradapt.cli.options import Location, Name
from lradapt.cli.record_options import RecordChoice
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry
from lradapt.registry.registry import Registry

log = logging.getLogger(__name__)


@with_limits
def serve(
    host: serve_options.Host = "127.0.0.1",
    port: serve_options.Port = 8000,
    refresh_seconds: serve_options.RefreshSeconds = 5,
    threads: serve_options.Threads = None,
    access_log: serve_options.AccessLog = None,
    nearest: serve_options.Nearest = False,
    shadow: serve_options.Shadow = None,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
    max_upload: limit_options.MaxUpload = 20,
    max_in_flight: limit_options.MaxInFlight = None,
    record: record_options.To = None,
    record_images: record_options.Images = False,
    record_days: record_options.Days = 30,
    record_megabytes: record_options.Megabytes = 1000,
    record_spool: record_options.Spool = record_options.DEFAULT_SPOOL,
    **limits: Any,
) -> None:
    """Serve the model in production over HTTP.

    In a browser, its address shows a page for single images. POST /predict
    takes one image, or a form with several; GET /health, /version
    and /metrics describe the state. A newly promoted version is loaded by
    itself, without a failed request. Prints its address, and runs until it is
    stopped.

    With --record, answers are kept for `lradapt queue` and `lradapt drift`. The
    header Lradapt-Group of a request names what its images belong to, such as a
    patient. The record has a pseudonym of it, which is the same after a restart
    and at other servers if they have the same secret in LRADAPT_GROUP_KEY.

    If the variable LRADAPT_TOKENS has entries of `lradapt token`, each request
    needs one of these tokens, except those for the page itself, /livez and
    /readyz.
    """
    from lradapt.serving import connections
    from lradapt.serving.access_log import opened_log
    from lradapt.serving.additions import Additions
    from lradapt.serving.live_model import LiveModel
    from lradapt.serving.nearest import Nearest
    from lradapt.serving.server import create_app
    from lradapt.serving.shadow import shadowed
    from lradapt.serving.tokens import VARIABLE, read_tokens

    accepted = read_tokens(os.environ.get(VARIABLE))
    settings, of_connections = chosen_limits(
        max_upload, max_in_flight, threads, refresh_seconds, limits
    )
    choice = RecordChoice(record, record_images, record_days, record_megabytes, record_spool)
    recorded = choice.opened(max_upload)
    opened = open_registry(registry, name)
    near = Nearest(nearest_in(opened)) if nearest else None
    live = LiveModel(opened, threads=1)  # the requests are the threads
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of malformed forms
    with opened_log(access_log) as lines, shadowed(opened, shadow) as challenger:
        additions = Additions(accepted=accepted, access_log=lines, nearest=near, shadow=challenger)
        app = create_app(live, settings, additions, record=recorded)
        listeners = connections.listen(host, port)
        typer.echo(f"{name} of {registry} on http://{host}:{port} (/predict, /health, /version)")
        if not accepted and not _is_loopback(listeners):
            log.warning("everybody who reaches %s may use it: %s is not set", host, VARIABLE)
        _announce(opened, choice)
        connections.run(app, listeners, of_connections)


def _announce(registry: Registry, record: RecordChoice) -> None:
    """Print which keys are trusted, and where answers are recorded."""
    if trusted := registry.keys.trusted:
        typer.echo(f"only what is signed by {', '.join(each.name for each in trusted.keys)}")
    if record.to is not None:
        kept = "too" if record.images else "not"
        typer.echo(f"answers are recorded in {record.to}, images {kept}")


def _is_loopback(listeners: Sequence[socket.socket]) -> bool:
    """Return whether only programs of this machine reach the sockets."""
    return all(ip_address(each.getsockname()[0]).is_loopback for each in listeners)
