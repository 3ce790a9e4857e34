"""`lradapt import folder`: a folder of images for each class."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from lradapt.cli.importing.options import KeepParams, Replace
from lradapt.cli.importing.run import import_files
from lradapt.cli.options import AsJson
from lradapt.cli.source_options import LayoutOption, SplitsOption


def folder(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="Contains a folder of images for each class.")
    ],
    layout: LayoutOption = None,
    split: SplitsOption = None,
    replace: Replace = False,
    keep_params: KeepParams = False,
    as_json: AsJson = False,
) -> None:
    """Import images from a folder for each class.

    SOURCE/CLASS/*.jpg; or SOURCE/{train,test}/CLASS/*.jpg, a split that is kept.
    If the folders can be read in several ways, nothing is imported, and the
    message has the options that choose one. Prints first how the folders were
    read; then how many images and classes there are, and what to type next.
    """
    from lradapt.data.importing.from_folder import label_folder
    from lradapt.data.importing.split_names import parse_choices

    splits = parse_choices(split or [])
    label = partial(label_folder, source, layout=layout, splits=splits)
    import_files(label, replace=replace, keep_params=keep_params, as_json=as_json)
