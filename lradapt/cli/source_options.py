"""The options of `lradapt import` and `lradapt check` that say how a source is read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lradapt.data.importing.layouts import Layout

if TYPE_CHECKING:
    from lradapt.data.importing.table_columns import GivenColumns

LayoutOption = Annotated[
    Layout | None,
    typer.Option("--layout", help="What the levels of the folder are, if they can be several."),
]
SplitsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--split",
        metavar="NAME=SPLIT",
        help="A folder, or a value of the split column, is train, validation or test. Repeatable.",
    ),
]
GroupColumn = Annotated[
    str | None,
    typer.Option(
        help="The column of the patient or lesion, never in two splits; else found by its name."
    ),
]
SplitColumn = Annotated[
    str | None, typer.Option(help="The column of a given split; else found by its name or values.")
]
AnnotatorColumn = Annotated[
    str | None,
    typer.Option(
        help="The column of who gives the label; an image may have a line of each annotator; else "
        "found by its name."
    ),
]
IgnoreColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore-column",
        help="Leave out a column that looks like a patient, split or annotator. Repeatable.",
    ),
]
KeepColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--keep-column",
        help="Keep a column (site, camera, skin type) in labels.csv, as a slice. Repeatable.",
    ),
]


def given_columns(
    *,
    image: str | None = None,
    label: str | None,
    group: str | None,
    split: str | None,
    annotator: str | None,
    ignored: Sequence[str] | None,
    kept: Sequence[str] | None = None,
    splits: Sequence[str] | None,
) -> "GivenColumns":
    """Return the columns that the options name; `splits` is the text of `--split`.

    Raises:
        DataError: one of `splits` is not NAME=SPLIT.
    """
    from lradapt.data.importing.split_names import parse_choices
    from lradapt.data.importing.table_columns import GivenColumns

    return GivenColumns(
        image=image,
        label=label,
        group=group,
        split=split,
        annotator=annotator,
        ignored=ignored or (),
        kept=kept or (),
        splits=parse_choices(splits or ()),
    )
