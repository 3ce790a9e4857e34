"""`lradapt import labelstudio`: an export of Label Studio."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from lradapt.cli.importing.options import ImagesFolder, KeepParams, Replace
from lradapt.cli.importing.run import import_files
from lradapt.cli.options import AsJson


def labelstudio(
    export: Annotated[
        Path, typer.Argument(metavar="EXPORT", help="The file in its format JSON or JSON_MIN.")
    ],
    images: ImagesFolder = None,
    choices: Annotated[
        str | None, typer.Option(help="The control of the class, if there are several.")
    ] = None,
    image_key: Annotated[
        str | None, typer.Option(help="The key of the image, if there are several.")
    ] = None,
    group_key: Annotated[
        str | None,
        typer.Option(help="The key of the patient or lesion; '' for none. Else found by its name."),
    ] = None,
    replace: Replace = False,
    keep_params: KeepParams = False,
    as_json: AsJson = False,
) -> None:
    """Import images by an export of Label Studio; the class is read from Choices.

    Reads local files and uploads below --images. For URLs, download the
    images and give their folder. Skipped tasks are left out. Several
    annotations of a task become lines of several annotators in labels.csv:
    the majority decides. Prints first how the export was read.
    """
    from lradapt.data.importing.from_labelstudio import Keys, label_labelstudio

    keys = Keys(choices, image_key, group_key)
    label = partial(label_labelstudio, export, folder=images, keys=keys)
    import_files(label, replace=replace, keep_params=keep_params, as_json=as_json)
