"""`lradapt export hub`: a version as a folder that a person may upload to a model hub."""

import re
from pathlib import Path
from typing import Annotated

import typer

from lradapt.cli.options import AsJson, Location, Name, Version
from lradapt.cli.output import console, print_json
from lradapt.errors import LradaptError, listed
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry

_IDENTIFIER = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")


def hub(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", file_okay=False, help="A new or empty folder."),
    ],
    version: Version = None,
    licence: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="The licence of the model, by its identifier on the hub, such as apache-2.0 or "
            "cc-by-nc-4.0; by default: not stated.",
        ),
    ] = "",
    as_json: AsJson = False,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Write a version into a folder for Hugging Face's hub; nothing is uploaded.

    README.md is the model card with the header that the hub reads: licence,
    task, tags, results. Beside it: model.onnx, model.safetensors, config.json with
    classes and preprocessing, LICENSE.md with what is known of the licences of
    weights and images, the manifest and its signatures. No image, no label and no
    list of the training images. `hf upload USER/NAME DIR` uploads it.
    """
    from lradapt.reporting.hub.folder import hub_files
    from lradapt.reporting.hub.licences import licences_of
    from lradapt.runtime.new_files import write_new_files

    if licence and not _IDENTIFIER.fullmatch(licence):
        raise typer.BadParameter(
            f"--licence {licence}: expected an identifier of the hub, such as apache-2.0"
        )
    _require_empty(folder)
    opened = open_registry(registry, name)
    published = opened.open(version or opened.require_production().version)
    files = hub_files(published, licence)
    write_new_files(folder, files)
    warnings = licences_of(published.manifest, licence).warnings()
    if as_json:
        found = {"folder": str(folder), "version": published.version, "files": [*files]}
        print_json(found | {"warnings": warnings})
        return
    screen = console()
    screen.print(f"{folder}: version {published.version}, {len(files)} files")
    screen.print(listed([f"{file}  {len(content):,} bytes" for file, content in files.items()]))
    for warning in warnings:
        screen.print(f"warning: {warning}")
    screen.print(f"nothing was uploaded; to do it: hf upload USER/NAME {folder}")


def _require_empty(folder: Path) -> None:
    found = sorted(each.name for each in folder.iterdir()) if folder.exists() else []
    if found:
        raise LradaptError(
            f"{folder} is not empty; name a new folder, or move away what is there:\n"
            f"{listed(found, limit=5)}"
        )
