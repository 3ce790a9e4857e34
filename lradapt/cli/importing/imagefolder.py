"""`lradapt import imagefolder`: a folder with metadata, as Hugging Face has it."""

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


def imagefolder(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Has metadata.csv or metadata.jsonl.")
    ],
    label_column: Annotated[
        str | None, typer.Option(help="The column of the class; else found by its name.")
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
    """Import a Hugging Face imagefolder with metadata.csv or metadata.jsonl.

    The column file_name names an image beside the metadata. Folders named as
    splits (train, test) are kept as the split. Names of classes and the
    licence are taken from the header of README.md. Prints first how the
    metadata were read.
    """
    from lradapt.data.importing.from_imagefolder import label_imagefolder

    given = given_columns(
        label=label_column,
        group=group_column,
        split=split_column,
        annotator=annotator_column,
        ignored=ignore_column,
        kept=keep_column,
        splits=split,
    )
    label = partial(label_imagefolder, folder, given)
    import_files(label, replace=replace, keep_params=keep_params, as_json=as_json)
