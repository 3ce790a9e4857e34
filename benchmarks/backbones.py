"""The backbones of the comparison, one for each architecture in benchmarks/params.yaml.

    python -m benchmarks.backbones

An existing file is not changed. The project's own backbone is copied; for another architecture the
weights of ImageNet are downloaded, or if that fails, random weights are made, with a warning.
"""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.program import run
from benchmarks.settings import load_benchmark
from lradapt.config.params import DEFAULT_PATH, Params
from lradapt.config.paths import read_paths
from lradapt.config.presets import changed
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml
from lradapt.networks.backbone import Origin, import_backbone, read_origin
from lradapt.runtime.files import write_bytes


def make_backbone(architecture: str, into: Path, own: Path) -> Origin:
    """Write the backbone of an architecture to `into`; `own` is that of the project."""
    if own.exists() and read_origin(own).architecture == architecture:
        write_bytes(into, own.read_bytes())
        return read_origin(into)
    values = changed(read_yaml(DEFAULT_PATH), {"model": {"architecture": architecture}})
    return import_backbone("auto", validate(Params, values, DEFAULT_PATH).model.network, into)


def main(
    folder: Annotated[Path, typer.Option(help="Of the backbones.")] = Path("benchmarks/backbones"),
) -> None:
    """Make the backbones that are missing."""
    own = read_paths().backbone
    for architecture in load_benchmark().architectures:
        into = folder / f"{architecture}.safetensors"
        if not into.exists():
            origin = make_backbone(architecture, into, own)
            typer.echo(f"{into}: {architecture}, {origin.source} ({origin.detail})")
            if origin.source == "none":
                typer.secho("It starts from random weights.", fg="yellow", bold=True)


if __name__ == "__main__":
    run(main)
