"""`lradapt import coco`: a JSON file in the format of COCO."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from lradapt.cli.importing.options import ImagesFolder, KeepParams, Replace
from lradapt.cli.importing.run import import_files
from lradapt.cli.options import AsJson


def coco(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Has images, annotations and categories.")
    ],
    images: ImagesFolder = None,
    replace: Replace = False,
    keep_params: KeepParams = False,
    as_json: AsJson = False,
) -> None:
    """Import images by a COCO file in JSON that gives each image one category.

    Without --images they are in the folder of FILE, or in the one above it if
    that folder is named annotations. An image of several categories is an
    error, and all are listed. Boxes are left out. Prints first how the file
    was read.
    """
    from lradapt.data.importing.from_coco import label_coco

    label = partial(label_coco, file, folder=images)
    import_files(label, replace=replace, keep_params=keep_params, as_json=as_json)
