"""`lradapt dossier`: what an auditor of a model that updates itself asks, from the registry."""

from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer

from lradapt.cli.options import AsJson, Location, Name
from lradapt.cli.output import print_json
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry
from lradapt.registry.timeline import parse_time
from lradapt.runtime.files import write_text

_SUFFIXES = (".md", ".html")


def dossier(
    as_json: AsJson = False,
    since: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Leave out what is older; ISO 8601, such as 2026-11-25."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Write a .md or .html file instead."),
    ] = None,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Write what an auditor asks of a model that updates itself.

    Which changes may happen, the gate's rules, every verdict with its data, how
    often the test images were asked, slices, moves, overrides and withdrawals.
    It is made from the registry alone: no project is needed. Prints Markdown, or
    with --json the same for programs.
    """
    if out and (as_json or out.suffix not in _SUFFIXES):
        raise typer.BadParameter(
            f"--out {out}: expected a name that ends in {' or '.join(_SUFFIXES)}, without --json"
        )
    from lradapt.reporting.dossier.collected import collect
    from lradapt.reporting.dossier.dossier import as_json as data_of
    from lradapt.reporting.dossier.dossier import as_markdown, as_page

    start = parse_time(since).astimezone(UTC).isoformat(timespec="seconds") if since else ""
    collected = collect(open_registry(registry, name))
    if as_json:
        print_json(data_of(collected, start))
    elif out:
        write_text(out, (as_page if out.suffix == ".html" else as_markdown)(collected, start))
        typer.echo(f"wrote {out}")
    else:
        typer.echo(as_markdown(collected, start), nl=False)
