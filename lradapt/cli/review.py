"""`lradapt review`: decide on doubtful labels in a page of this machine, or in a table."""

import os
import secrets
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lradapt.cli.output import console
from lradapt.config.paths import read_paths
from lradapt.errors import DataError
from lradapt.runtime.user import user_name
from lradapt.text import printable

if TYPE_CHECKING:
    from lradapt.review.decisions import Decisions
    from lradapt.review.desk import Desk
    from lradapt.review.queues import QueueName

_HOST = "127.0.0.1"


def review(
    queue: Annotated[
        str,
        typer.Option(help="The first queue: doubtful, duplicates, near_duplicates or recorded."),
    ] = "doubtful",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 takes a free one.")
    ] = 0,
    as_: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="NAME", help="Who decides.", show_default="the user of the system"
        ),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address.")
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="Write the open images of --queue into a CSV file, and end."
        ),
    ] = None,
    import_: Annotated[
        Path | None,
        typer.Option(
            "--import",
            dir_okay=False,
            help="Carry out the decisions in a CSV file written by --export, and end.",
        ),
    ] = None,
) -> None:
    """Decide on doubtful labels, in a page on this machine.

    Shows each image with its label, the proposed one, and the nearest training
    images of both; a key decides: keep, change, exclude, skip, undo. Each
    decision is written into labels.csv and its journal at once. Prints the
    address of the page, and runs until it is stopped.

    The queue `recorded` has the images that `lradapt queue` has picked, which
    have no label yet: a key gives them their first one.
    """
    from lradapt.review.app import person

    try:
        who = person(as_ or user_name())
    except ValueError as error:
        raise typer.BadParameter(f"--as: {error}") from error
    name = _queue_name(queue)
    if export and import_:
        raise typer.BadParameter("give --export or --import, not both")
    if export and name == "recorded":
        raise typer.BadParameter(
            "--export has labels to decide on, and recorded images have none yet: label them in "
            "the page"
        )
    desk = _open_desk()
    for sentence in desk.decisions.recover():
        console(stderr=True).print(f"warning: {printable(sentence)}")
    if export:
        _export(desk, name, export)
    elif import_:
        _import(desk.decisions, import_, who)
    else:
        _serve(desk, name, port, who, open_browser=not no_browser)


def _queue_name(text: str) -> "QueueName":
    from lradapt.review.queues import QUEUES

    for name in QUEUES:
        if text == name:
            return name
    raise typer.BadParameter(f"no queue {text!r}; expected one of {', '.join(QUEUES)}")


def _open_desk() -> "Desk":
    from lradapt.config.params import load_params
    from lradapt.review.decisions import Decisions
    from lradapt.review.desk import Desk
    from lradapt.review.project import Project

    paths, params = read_paths(), load_params()
    if not paths.labels.exists():
        raise DataError(f"no {paths.labels}: import images and labels with `lradapt import` first")
    project = Project(paths, params.check.rules, max_megapixels=params.data.max_megapixels)
    may_exclude = params.check.policies.image_without_label != "stop"
    decisions = Decisions(paths.labels, may_exclude=may_exclude, images=paths.images)
    return Desk(project, decisions)


def _serve(desk: "Desk", queue: "QueueName", port: int, who: str, *, open_browser: bool) -> None:
    from lradapt.review.app import create_app
    from lradapt.serving import connections
    from lradapt.serving.settings import ConnectionLimits

    token = secrets.token_urlsafe(32)
    listeners = connections.listen(_HOST, port)
    for listener in listeners:
        listener.listen()  # connections wait until the server takes them
    address = f"http://{_HOST}:{listeners[0].getsockname()[1]}/?token={token}&queue={queue}"
    threading.Thread(target=desk.prepare, args=(queue,), daemon=True).start()
    app = create_app(desk, token=token, who=who)
    typer.echo(f"{address}\nReview as {who}; Ctrl-C ends it. The address is valid until then.")
    sys.stdout.flush()  # a program may read it from a pipe
    if open_browser and _has_screen():
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    connections.run(app, listeners, ConnectionLimits(idle_seconds=60))


def _has_screen() -> bool:
    """Return whether a browser would have a window; without one it would take the terminal."""
    always = sys.platform in ("darwin", "win32")
    return always or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def _export(desk: "Desk", queue: "QueueName", path: Path) -> None:
    from lradapt.review.exchange import write_decisions

    count = write_decisions(path, desk, queue)
    typer.echo(f"{path}: {count:,} open images; fill in the column action, then --import {path}")


def _import(decisions: "Decisions", path: Path, who: str) -> None:
    from lradapt.review.exchange import read_decisions

    found = read_decisions(path, decisions, who)
    entries = decisions.decide(found.decisions) if found.decisions else []
    typer.echo(
        f"{path}: {len(entries):,} decisions carried out, {found.num_repeated:,} already were"
    )
