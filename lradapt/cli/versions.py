"""`lradapt versions`, `show` and `prune`: list, describe and remove versions of the registry."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.prompt import Confirm
from rich.table import Column, Table
from rich.text import Text

from lradapt.cli.options import AsJson, Location, Name, Version
from lradapt.cli.output import console, minute, print_json
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry
from lradapt.registry.inventory import VersionSummary, prunable
from lradapt.registry.manifest import CARD
from lradapt.registry.registry import Registry
from lradapt.registry.store import RegistryError, Remnant
from lradapt.reporting.card_history import with_promotions


def versions(
    as_json: AsJson = False, registry: Location = DEFAULT_LOCATION, name: Name = DEFAULT_NAME
) -> None:
    """List the published versions, how good they are, and which is in production.

    Prints a line for each, the oldest first: when it was published, accuracy and
    balanced accuracy on its test images, size, in production since when.
    """
    listed = _listed(open_registry(registry, name))
    if as_json:
        print_json([asdict(version) for version in listed])
    else:
        _print_versions(listed)


def show(
    version: Version = None,
    as_json: AsJson = False,
    card: Annotated[
        bool, typer.Option("--card", help="Print its model card instead, as Markdown.")
    ] = False,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Describe a version: how it was made, and how good it is.

    Prints code, data, params, libraries, metrics, and the files with their
    hashes; with --json the whole manifest, with --card the model card.
    """
    opened = open_registry(registry, name)
    version = version or opened.require_production().version
    published = opened.open(version)
    manifest = published.manifest
    if card:
        text = published.read(CARD).decode()
        typer.echo(with_promotions(text, version, opened.promotions()), nl=False)
    elif as_json:
        print_json(manifest)
    else:
        _print_manifest(manifest, published.signed_by)


def prune(
    keep: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of the newest versions to keep.",
            show_default="all, with --incomplete",
        ),
    ] = None,
    incomplete: Annotated[
        bool,
        typer.Option(
            "--incomplete",
            help="Remove incomplete versions, and old temporary files of killed processes.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: AsJson = False,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Remove old versions from the registry, for good.

    Never removes the version in production or the previous one. Lists what it
    would remove, asks for confirmation, and prints what it removed.
    """
    _require_clear(keep, incomplete=incomplete, as_json=as_json, yes=yes)
    opened = open_registry(registry, name)
    remnants = opened.remnants() if incomplete else []
    listed = opened.list_versions() if remnants else _listed(opened)
    removable = prunable(listed, opened.production(), keep=keep, incomplete=incomplete)
    stay = [each.version for each in listed if each.version not in removable]
    if (removable or remnants) and not yes:
        _confirm(f"to remove from {registry}: {'; '.join(_named(removable, remnants))}")
    left = _remove(opened, removable, quiet=as_json)
    if incomplete:
        opened.remove_remnants(remnants)
    if as_json:
        also = {"temporary_files": [each.name for each in remnants]} if incomplete else {}
        print_json({"removed": removable, "stay": stay, **also})
    elif remnants:
        typer.echo(f"removed {_temporary_files(remnants)}")
    elif not removable:
        typer.echo(f"nothing to remove: all {len(listed)} versions stay")
    for key in left:
        typer.echo(f"not removed, because no manifest names it: {key}", err=True)


def _require_clear(keep: int | None, *, incomplete: bool, as_json: bool, yes: bool) -> None:
    if as_json and not yes:
        raise typer.BadParameter("--json needs --yes: a program cannot confirm")
    if keep is None and not incomplete:
        raise typer.BadParameter("--keep is missing; expected the number of versions to keep")


def _remove(registry: Registry, versions: Sequence[str], *, quiet: bool) -> list[str]:
    """Remove versions; return the keys that are left of them."""
    left = []
    for version in versions:
        left += registry.remove(version)
        if not quiet:
            typer.echo(f"removed {version}")
    return left


def _named(versions: Sequence[str], remnants: Sequence[Remnant]) -> Iterator[str]:
    if versions:
        yield ", ".join(versions)
    if remnants:
        yield _temporary_files(remnants)


def _temporary_files(remnants: Sequence[Remnant]) -> str:
    megabytes = sum(each.size for each in remnants) / 1e6
    return f"{len(remnants)} temporary file(s) of killed processes, {megabytes:,.1f} MB"


def _confirm(question: str) -> None:
    typer.echo(question)
    # Not with typer.confirm, which takes Ctrl-C for a no.
    if not Confirm.ask("remove them for good?", console=console(), default=False):
        raise typer.Abort


def _listed(registry: Registry) -> list[VersionSummary]:
    listed = registry.list_versions()
    if not listed:
        raise RegistryError(
            f"nothing of {registry.name} has been published in {registry.location} yet; "
            "`make retrain` trains and publishes a first version"
        )
    return listed


def _print_versions(listed: Sequence[VersionSummary]) -> None:
    whole = [
        Column(title, no_wrap=True)
        for title in ("version", "created (UTC)", "accuracy", "balanced", "size")
    ]
    signed = any(version.signed_by for version in listed)
    signers = [Column("signed by", overflow="fold")] if signed else []
    table = Table(*whole, *signers, Column("in production since (UTC)", overflow="fold"))
    for version in listed:
        table.add_row(
            version.version,
            minute(version.created) or "-",
            _share(version.accuracy),
            _share(version.balanced_accuracy),
            "-" if version.size is None else f"{version.size / 1e6:,.1f} MB",
            *([Text(version.signed_by or "-")] if signed else []),
            Text(version.fault, style="red") if version.fault else minute(version.since),
        )
    console().print(table)


def _print_manifest(manifest: Mapping[str, Any], signed_by: str) -> None:
    table = Table(show_header=False)
    if signed_by:
        table.add_row("signed by", Text(signed_by))
    for what, value in _rows(manifest):
        table.add_row(what, Text(str(value), overflow="fold"))
    console().print(table)


def _rows(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the rows for people; what is empty, or not in the manifest, is left out."""
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
