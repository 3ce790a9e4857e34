"""`lradapt keys`: make keys, trust them, and sign what is in a registry."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from lradapt.cli import completion
from lradapt.cli.help import USUAL_CODES, epilog
from lradapt.cli.options import AsJson, Location, Name
from lradapt.cli.output import console, print_json
from lradapt.errors import SigningError
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry
from lradapt.registry.store import NotTrustedError
from lradapt.runtime.files import write_text
from lradapt.signing.key_files import write_private_key
from lradapt.signing.keys import new_key
from lradapt.signing.settings import (
    KEY_FILE,
    TRUSTED_NAME,
    Keys,
    default_trusted_file,
    keys_of_environment,
)
from lradapt.signing.trusted_keys import (
    TrustedKey,
    add_trusted_key,
    parse_line,
    remove_trusted_key,
    require_name,
)

app = typer.Typer(
    help="Sign versions and promotions, and choose whose signatures are trusted.",
    no_args_is_help=True,
    epilog=epilog(
        "lradapt keys new anna",
        "lradapt keys trust ~/.config/lradapt/anna.pub",
        "lradapt keys list",
        "lradapt keys sign --adopt",
        "lradapt keys check",
        "lradapt keys distrust anna",
        codes=USUAL_CODES,
    ),
)

Owner = Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")]


@app.command()
def new(
    name: Owner,
    into: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Folder of the two files.",
            show_default="~/.config/lradapt",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key pair: a private key that signs, and the public key that others trust.

    Writes NAME.pem, which only you can read, and NAME.pub, a line for
    trusted_keys.txt. Never replaces a file. Prints what to do with them.
    """
    require_name(name)
    folder = into or _config_folder()
    key = new_key()
    trusted = parse_line([name, key.public.text])
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    write_private_key(private, key)
    write_text(public, trusted.line + "\n")
    if as_json:
        files = {"private_key": str(private), "public_key": str(public)}
        print_json({"name": name, "key": key.id, "public": key.public.text, **files})
        return
    typer.echo(f"private key: {private} (keep it secret; a copy in a safe place)")
    typer.echo(f"public key:  {trusted.line}")
    typer.echo(f"to sign:     export {KEY_FILE}={private.absolute()}")
    typer.echo(f"to trust:    lradapt keys trust {public}")


@app.command(name="list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys that are trusted here, and the one that signs here.

    Prints the file they are in, and a line for each. Without a file,
    signatures are not checked.
    """
    keys = keys_of_environment()
    signing = keys.signing.read().id if keys.signing else ""
    if as_json:
        print_json(_listed(keys, signing))
        return
    if keys.trusted is None:
        typer.echo(f"no keys are trusted here (no {TRUSTED_NAME}): signatures are not checked")
    else:
        typer.echo(f"trusted keys: {keys.trusted.source}")
        _print_keys(keys.trusted.keys, signing)
    if keys.signing is None:
        typer.echo(f"nothing is signed here ({KEY_FILE} is not set)")
    else:
        typer.echo(f"signing with key {signing} of {keys.signing}{_warning(keys, signing)}")


@app.command()
def trust(
    key: Annotated[
        str, typer.Argument(help="A .pub file, or its line in quotation marks.", metavar="KEY")
    ],
    only: Annotated[
        str | None,
        typer.Option(
            metavar="USE", help="What it may sign: publish or promote.", show_default="both"
        ),
    ] = None,
) -> None:
    """Trust a public key: add it to trusted_keys.txt of the project.

    From the first key on, nothing is read from a registry that no trusted key
    has signed. Prints the file and the key.
    """
    trusted, path = _key_of(key, only), default_trusted_file()
    add_trusted_key(path, trusted)
    typer.echo(f"{path}: {trusted.name} may {' and '.join(trusted.uses)} (key {trusted.key.id})")


@app.command()
def distrust(
    name: Owner,
    registry: Location = DEFAULT_LOCATION,
    model: Annotated[
        str, typer.Option("--name", metavar="NAME", help="The model's name in the registry.")
    ] = DEFAULT_NAME,
) -> None:
    """Trust a key no longer: remove it from trusted_keys.txt.

    What it alone has signed is refused from now on; `lradapt keys sign` signs
    it with another key before. Prints the file, and warns if what is in
    production is refused now.
    """
    path = default_trusted_file()
    remove_trusted_key(path, name)
    typer.echo(f"{path}: the key of {name} is no longer trusted")
    try:
        opened = open_registry(registry, model)
        production = opened.production()
        if production:
            opened.open(production.version, production.promotion)
    except (NotTrustedError, SigningError) as error:
        typer.echo(f"from now on: {error}", err=True)


@app.command()
def sign(
    versions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VERSION",
            help="The versions; by default the one in production and the previous one.",
            autocompletion=completion.versions,
        ),
    ] = None,
    all_versions: Annotated[bool, typer.Option("--all", help="All versions.")] = False,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Also what no trusted key has signed.")
    ] = False,
    as_json: AsJson = False,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Sign versions that exist, and what is in production, with your key, too.

    For a registry from before there were keys (--adopt), and before an old key
    is distrusted. Reads every file of the versions. Prints what it has signed.
    """
    from lradapt.production.vouching import vouch

    if all_versions and versions:
        raise typer.BadParameter("--all and VERSION exclude each other")
    opened = open_registry(registry, name)
    done = vouch(opened, None if all_versions else versions or [], adopt=adopt)
    if as_json:
        promotion = done.promotion.as_dict() if done.promotion else None
        print_json({**asdict(done), "promotion": promotion})
        return
    for version in done.versions:
        typer.echo(f"{version}: signed with key {done.key}")
    for version in done.before:
        typer.echo(f"{version}: was signed with key {done.key} before")
    for version, fault in done.left.items():
        typer.echo(f"{version}: not signed: {fault}", err=True)
    if done.promotion:
        number = done.promotion.sequence
        typer.echo(f"production: promotion {number} of the log, {done.promotion.reason}")
    if done.num_records:
        typer.echo(f"comparisons: {done.num_records:,} file(s) of their record signed")


@app.command()
def check(
    as_json: AsJson = False, registry: Location = DEFAULT_LOCATION, name: Name = DEFAULT_NAME
) -> None:
    """Check all signatures of a registry: production, the log, comparisons, each version.

    Prints a line for each: whose key has signed it, or why it is not trusted.
    The exit code is 1 if something is not trusted.
    """
    from lradapt.registry.audit import audit

    opened = open_registry(registry, name)
    if opened.keys.trusted is None:
        raise SigningError(
            f"no keys are trusted here, so there is nothing to check: `lradapt keys trust` makes "
            f"{TRUSTED_NAME}"
        )
    found = audit(opened, opened.keys.trusted)
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        table = Table("what", "signed by", Column("fault", overflow="fold"))
        for each in found:
            table.add_row(each.what, Text(each.signed_by or "-"), Text(each.fault, style="red"))
        console().print(table)
    if any(each.fault for each in found):
        raise typer.Exit(1)


def _config_folder() -> Path:
    """Return the folder of settings of this user."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "lradapt"


def _key_of(text: str, only: str | None) -> TrustedKey:
    """Return the key that a .pub file, or its line, holds."""
    path = Path(text)
    line = path.read_text(encoding="utf-8") if path.suffix == ".pub" else text
    words = line.partition("#")[0].split()
    return parse_line([*words, only] if only else words)


def _listed(keys: Keys, signing: str) -> dict[str, Any]:
    trusted = keys.trusted
    listed = [
        {"name": each.name, "key": each.key.id, "public": each.key.text, "may": list(each.uses)}
        for each in (trusted.keys if trusted else ())
    ]
    source = {"source": str(keys.signing), "key": signing} if keys.signing else None
    return {"file": trusted.source if trusted else None, "trusted": listed, "signing": source}


def _print_keys(trusted: Sequence[TrustedKey], signing: str) -> None:
    table = Table("name", "key", "may", "signs here")
    for each in trusted:
        own = "yes" if each.key.id == signing else ""
        table.add_row(each.name, each.key.id, ", ".join(each.uses), own)
    console().print(table)


def _warning(keys: Keys, signing: str) -> str:
    if keys.trusted is None or signing in [each.key.id for each in keys.trusted.keys]:
        return ""
    return ", which is not trusted here: what it signs would be refused"
