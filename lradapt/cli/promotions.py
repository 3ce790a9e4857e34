"""`lradapt history` and `rollback`: which versions were in production, and back to one of them."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from lradapt.cli import completion
from lradapt.cli.flows import run_flow
from lradapt.cli.options import AsJson, Location, Name
from lradapt.cli.output import console, minute, print_json
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry
from lradapt.registry.promotions import Promotion
from lradapt.registry.store import RegistryError
from lradapt.registry.timeline import parse_time, promotion_at
from lradapt.signing.trusted_keys import TrustedKeys


def history(
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Show only the version that was in production at this time (ISO 8601).",
        ),
    ] = None,
    as_json: AsJson = False,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """List the promotions: which version went into production, when, by whom, and why.

    Prints a line for each promotion, the first one first. With --at only that of
    the version that was in production at the given time.
    """
    opened = open_registry(registry, name)
    promotions = opened.promotions()
    if not promotions:
        raise RegistryError(
            f"nothing of {name} has been promoted in {registry} yet; `make retrain` trains and "
            "promotes a first version"
        )
    shown = [_promotion_at(promotions, at)] if at else promotions
    if as_json:
        print_json([promotion.as_dict() for promotion in shown])
    else:
        _print_promotions(shown, opened.keys.trusted)


def rollback(
    reason: Annotated[str, typer.Option(help="The reason, for the log.")],
    version: Annotated[
        str | None,
        typer.Argument(
            metavar="VERSION",
            help="The version; by default the previous one, unless it was withdrawn.",
            autocompletion=completion.versions,
        ),
    ] = None,
    event: Annotated[
        bool,
        typer.Option("--event", help="Run it as the project's flow, which tells Prefect's server."),
    ] = False,
    as_json: AsJson = False,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Restore an earlier version.

    The version is loaded and run before production changes. The log keeps the
    reason, and the next run does not promote the withdrawn version again.
    A previous version that was withdrawn itself is restored only by its name.
    Repeated with the same reason, as after a kill, it changes nothing more.
    Prints which version replaced which.
    """
    if not reason.strip():
        raise typer.BadParameter("--reason is empty; expected a reason, for the log")
    if event and as_json:
        raise typer.BadParameter("--event and --json exclude each other")
    if event:
        words = [f"--reason={reason}", f"--registry={registry}", f"--name={name}"]
        run_flow("rollback", "rollback", [*([version] if version else []), *words])
    from lradapt.production.rollback import roll_back

    restored = roll_back(open_registry(registry, name), version, reason=reason)
    if as_json:
        print_json(restored.as_dict())
    else:
        console().print(f"{restored.version} replaced {restored.previous} in production")


def _promotion_at(promotions: Sequence[Promotion], at: str) -> Promotion:
    time = parse_time(at)
    promotion = promotion_at(promotions, time)
    if promotion is None:
        raise RegistryError(
            f"nothing was in production at {time.isoformat()}: the first promotion was at "
            f"{promotions[0].at}"
        )
    return promotion


def _print_promotions(promotions: Sequence[Promotion], trusted: TrustedKeys | None) -> None:
    whole = [Column(title, no_wrap=True) for title in ("#", "at (UTC)", "version", "previous")]
    signed = any(each.key for each in promotions)
    titles = ("kind", "by", *(["key"] if signed else []), "reason")
    folded = [Column(title, overflow="fold") for title in titles]
    table = Table(*whole, *folded)
    for each in promotions:
        table.add_row(
            str(each.sequence),
            minute(each.at),
            each.version,
            each.previous or "-",
            each.kind.replace("_", " "),
            Text(each.by),
            *([Text(_key_name(each.key, trusted))] if signed else []),
            Text(each.reason),
        )
    console().print(table)


def _key_name(key_id: str, trusted: TrustedKeys | None) -> str:
    return (trusted.name_of(key_id) if trusted else key_id) or "-"
