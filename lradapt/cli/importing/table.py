"""`lradapt import table`: a CSV file that names images."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from lradapt.cli.importing.options import KeepParams, Replace
from lradapt.cli.importing.run import import_files
from lradapt.cli.options import AsJson
from lradapt.cli.source_options import (
    AnnotatorColumn,
    GroupColumn,
    IgnoreColumns,
    KeepColumns,
    SplitColumn,
    SplitsOption,
    given_columns,
)


def table(
    labels: Annotated[
        Path, typer.Argument(metavar="TABLE", help="A CSV file with a line for each image.")
    ],
    images: Annotated[Path, typer.Option(help="The folder of the images.")],
    image_column: Annotated[
        str | None,
        typer.Option(help="The column of the file name; its extension is optional."),
    ] = None,
    label_column: Annotated[
        str | None,
        typer.Option(help="The column of the class. If each class has its own column: A,B,C."),
    ] = None,
    group_column: GroupColumn = None,
    split_column: SplitColumn = None,
    annotator_column: AnnotatorColumn = None,
    ignore_column: IgnoreColumns = None,
    keep_column: KeepColumns = None,
    split: SplitsOption = None,
    replace: Replace = False,
    keep_params: KeepParams = False,
    as_json: AsJson = False,
) -> None:
    """Import the images and labels of a CSV file and a folder.

    Columns that no option names are found by their names. Prints first how the
    table was read, and which columns were left out; then how many images and
    classes there are, and what to type next.
    """
    from lradapt.data.importing.from_table import label_table

    given = given_columns(
        image=image_column,
        label=label_column,
        group=group_column,
        split=split_column,
        annotator=annotator_column,
        ignored=ignore_column,
        kept=keep_column,
        splits=split,
    )
    label = partial(label_table, labels, folder=images, given=given)
    import_files(label, replace=replace, keep_params=keep_params, as_json=as_json)
