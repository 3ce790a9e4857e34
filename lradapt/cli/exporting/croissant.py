"""`lradapt export croissant`: metadata of the labelled images, for catalogues and loaders."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lradapt.cli.options import AsJson
from lradapt.cli.output import console, print_json
from lradapt.config.paths import read_paths
from lradapt.config.project_name import project_name
from lradapt.errors import DataError
from lradapt.runtime.files import write_json

if TYPE_CHECKING:
    from lradapt.data.labelled_image import LabelledImage

_NO_LICENCE = (
    "params.yaml has no licence of the images (card.data_licence), which a catalogue asks for"
)


def croissant(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", dir_okay=False, help="The JSON file to write.")
    ],
    url: Annotated[str, typer.Option(help="A web page about the data set.")] = "",
    as_json: AsJson = False,
) -> None:
    """Describe the labelled images in Croissant, the metadata format of MLCommons.

    Writes FILE and a table beside it (.csv): of each image its label, its
    split if a run has made one, and the hash of its file. Licence and contact
    are those of `card` in params.yaml. Both name the images by their path from
    the folder of FILE, which must hold them: publish all together.
    """
    from lradapt.config.params import load_params
    from lradapt.data import croissant as metadata
    from lradapt.data.labels import read_labels

    paths, card, table = read_paths(), load_params().card, file.with_suffix(".csv")
    if table == file:
        raise DataError(f"{file}: the metadata is JSON; give a name that ends in .json")
    images = _relative(paths.images, file)
    labels = read_labels(paths.labels)
    splits, notes = _splits(labels, paths.split)
    columns = metadata.write_table(table, labels, splits, paths.images)
    statement = metadata.Statement(
        name=project_name(), licence=card.data_licence, creator=card.contact, url=url
    )
    notes += [] if card.data_licence else [_NO_LICENCE]
    write_json(
        file,
        metadata.describe(statement, labels, table=table, columns=columns, images=images),
    )
    if as_json:
        print_json({"metadata": str(file), "table": str(table), "columns": columns, "notes": notes})
        return
    console().print(f"{file}: the metadata", f"{table}: {', '.join(columns)}", *notes, sep="\n")


def _relative(images: Path, file: Path) -> str:
    """Return the path of the images from the folder of the file."""
    relative = Path(os.path.relpath(images, file.parent))
    if ".." in relative.parts:
        raise DataError(
            f"{file} must lie in a folder that holds {images}, since Croissant names files from "
            f"there; expected such as {file.name}"
        )
    return relative.as_posix()


def _splits(labels: "Sequence[LabelledImage]", split: Path) -> tuple[dict[str, str], list[str]]:
    """Return image -> split as the last run made it, and a note where there is none of today."""
    from lradapt.data.split_table import read_split

    if not split.exists():
        return {}, [f"no split: {split} is missing, which `make retrain` makes"]
    made = read_split(split)
    today = {each.image: each.label for each in labels}
    if any(today.get(each.image) != each.label for each in made):
        return {}, [f"no split: {split} is of other labels; `make retrain` makes it anew"]
    return {each.image: each.split for each in made}, []
