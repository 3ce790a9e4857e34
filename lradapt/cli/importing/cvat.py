"""`lradapt import cvat`: an export of CVAT in its format ImageNet 1.0."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from lradapt.cli.importing.options import ImagesFolder, KeepParams, Replace
from lradapt.cli.importing.run import import_files
from lradapt.cli.options import AsJson


def cvat(
    export: Annotated[
        Path,
        typer.Argument(metavar="EXPORT", help="The zip file that CVAT exports, or its folder."),
    ],
    images: ImagesFolder = None,
    replace: Replace = False,
    keep_params: KeepParams = False,
    as_json: AsJson = False,
) -> None:
    """Import images by an export of CVAT in the format ImageNet 1.0.

    With its images: LABEL/IMAGE. Without: SUBSET.txt and synsets.txt, and
    --images names the folder. Subsets named as splits are kept as the split.
    Images without a tag are left out; an image of several tags is an error,
    and all are listed. Prints first how the export was read.
    """
    from lradapt.data.importing.from_cvat import label_cvat
    from lradapt.data.importing.unzip import unpacked

    with unpacked(export) as folder:
        label = partial(label_cvat, folder, images=images, shown=export)
        import_files(label, replace=replace, keep_params=keep_params, as_json=as_json)
