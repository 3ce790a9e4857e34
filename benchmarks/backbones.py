"""The backbones of the comparison, one for each architecture in benchmarks/params.yaml.

    python -m benchmarks.backbones

The project's own backbone is copied; for another architecture the weights of ImageNet are brought,
or if they cannot be had, random weights are made, with a warning. An existing file stays, but the
copy of the project's backbone is brought up to date.
"""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.program import run
from benchmarks.settings import PROJECT, load_benchmark, with_architecture
from lradapt.config.params import DEFAULT_PATH, Params
from lradapt.config.paths import read_paths
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml
from lradapt.networks.backbone import Origin, import_backbone, read_origin
from lradapt.runtime.files import sha256_of, write_bytes


def make_backbone(architecture: str, into: Path, own: Path) -> Origin:
    """Write the backbone of an architecture to `into`; `own` is that of the project."""
    values = with_architecture(read_yaml(DEFAULT_PATH), architecture)
    network = validate(Params, values, DEFAULT_PATH).model.network
    if own.exists() and read_origin(own).architecture == network.name:
        write_bytes(into, own.read_bytes())
        return read_origin(into)
    return import_backbone("auto", network, into)


def main(
    folder: Annotated[Path, typer.Option(help="Of the backbones.")] = Path("benchmarks/backbones"),
) -> None:
    """Make the backbones that are missing."""
    own = read_paths().backbone
    for architecture in load_benchmark().architectures:
        into = folder / f"{architecture}.safetensors"
        if not into.exists() or _is_outdated(architecture, into, own):
            origin = make_backbone(architecture, into, own)
            typer.echo(f"{into}: {architecture}, {origin.source} ({origin.detail})")
            if origin.source == "none":
                typer.secho("It starts from random weights.", fg="yellow", bold=True)


def _is_outdated(architecture: str, copy: Path, own: Path) -> bool:
    return architecture == PROJECT and own.exists() and sha256_of(copy) != sha256_of(own)


if __name__ == "__main__":
    run(main)
