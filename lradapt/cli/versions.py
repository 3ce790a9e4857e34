"""`lradapt versions`, `show` and `prune`: what the registry holds, and what of it may go."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.prompt import Confirm
from rich.table import Column, Table
from rich.text import Text

from lradapt.cli.options import AsJson, Name, Registry, Version
from lradapt.cli.output import console, minute, print_json
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, inventory, open_store
from lradapt.registry import versions as registry_versions
from lradapt.registry.inventory import Version as Listed
from lradapt.registry.store import RegistryError, Store
from lradapt.reporting.card_history import with_moves


def versions(
    as_json: AsJson = False, registry: Registry = DEFAULT_LOCATION, name: Name = DEFAULT_NAME
) -> None:
    """The published versions, how good they are, and which is in production.

    Prints a line for each, the oldest first: when it was made, accuracy and
    balanced accuracy on its exam, size, in production since when.
    """
    listed = _listed(open_store(registry), name)
    if as_json:
        print_json([asdict(version) for version in listed])
    else:
        _print_versions(listed)


def show(
    version: Version = None,
    as_json: AsJson = False,
    card: Annotated[
        bool, typer.Option("--card", help="Its model card instead, as Markdown.")
    ] = False,
    registry: Registry = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """All that is known of a version: how it came about, and how good it is.

    Prints code, data, params, libraries, figures, and the files with their
    hashes; with --json the whole manifest, with --card the model card.
    """
    store = open_store(registry)
    version = version or registry_versions.live_name(store, name)
    manifest = registry_versions.read_manifest(store, name, version)
    if card:
        typer.echo(_card(store, name, version, manifest), nl=False)
    elif as_json:
        print_json(manifest)
    else:
        _print_manifest(manifest)


def prune(
    keep: Annotated[int, typer.Option(min=1, help="So many of the newest versions stay.")],
    incomplete: Annotated[
        bool,
        typer.Option(
            "--incomplete",
            help="Also what was interrupted has left; not while somebody publishes.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    registry: Registry = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Remove old versions from the registry, for good.

    Never the one in production, nor the one that a rollback returns to. Says
    what would go and asks; prints what went.
    """
    if as_json and not yes:
        raise typer.BadParameter("--json needs --yes: a program cannot be asked")
    store = open_store(registry)
    listed = _listed(store, name)
    production = registry_versions.read_production(store, name)
    going = inventory.prunable(listed, production, keep=keep, incomplete=incomplete)
    stay = [each.version for each in listed if each.version not in going]
    say = _silent if as_json else typer.echo
    if going:
        say(f"to remove from {registry}: {', '.join(going)}")
        # Not by typer.confirm, which takes Ctrl-C for a no.
        if not (yes or Confirm.ask("remove them for good?", console=console(), default=False)):
            raise typer.Abort
    else:
        say(f"nothing to remove: {len(listed)} versions, all of which stay")
    for version in going:
        inventory.remove(store, name, version)
        say(f"removed {version}")
    if as_json:
        print_json({"removed": going, "stay": stay})


def _silent(_: str) -> None:
    """Where a program reads."""


def _card(store: Store, name: str, version: str, manifest: Mapping[str, Any]) -> str:
    if registry_versions.CARD not in manifest["files"]:
        raise RegistryError(
            f"version {version} of {name} was published without a model card, by an older lradapt; "
            "`lradapt show` says what is known of it"
        )
    text = registry_versions.read_file(store, name, version, registry_versions.CARD).decode()
    return with_moves(text, version, registry_versions.history(store, name))


def _listed(store: Store, name: str) -> list[Listed]:
    listed = inventory.list_versions(store, name)
    if not listed:
        raise RegistryError(
            f"nothing of {name} has been published in {store.location} yet: make retrain"
        )
    return listed


def _print_versions(listed: Sequence[Listed]) -> None:
    whole = [
        Column(title, no_wrap=True)
        for title in ("version", "created (UTC)", "accuracy", "balanced", "size")
    ]
    table = Table(*whole, Column("in production since (UTC)", overflow="fold"))
    for version in listed:
        table.add_row(
            version.version,
            minute(version.created) or "-",
            _share(version.accuracy),
            _share(version.balanced_accuracy),
            "-" if version.size is None else f"{version.size / 1e6:,.1f} MB",
            Text(version.fault, style="red") if version.fault else minute(version.since),
        )
    console().print(table)


def _print_manifest(manifest: Mapping[str, Any]) -> None:
    table = Table(show_header=False)
    for what, value in _rows(manifest):
        table.add_row(what, Text(str(value), overflow="fold"))
    console().print(table)


def _rows(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a person asks first; what an older lradapt did not note is left out."""
    import yaml

    metrics = manifest.get("metrics", {})
    code = manifest.get("code", {})
    yield "version", manifest["version"]
    for key in ("created", "run", "ancestor", "machine"):
        if manifest.get(key):
            yield key, manifest[key]
    for key in ("accuracy", "balanced_accuracy"):
        if key in metrics:
            yield key.replace("_", " "), _share(metrics[key])
    if code:
        yield "code", f"{code['commit']}{' with changes' if code['dirty'] else ''}"
    for key in ("data", "libraries", "params"):
        if manifest.get(key):
            yield key, yaml.safe_dump(manifest[key], sort_keys=False).rstrip()
    yield "files", "\n".join(_files(manifest))


def _files(manifest: Mapping[str, Any]) -> Iterator[str]:
    sizes = manifest.get("sizes", {})
    for file, sha256 in manifest["files"].items():
        size = f"  {sizes[file]:,} bytes" if file in sizes else ""
        yield f"{file}{size}  sha256 {sha256}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"
