"""`lradapt changes`: compare two versions of the data."""

from io import StringIO
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from lradapt.cli.options import AsJson
from lradapt.cli.output import console as output
from lradapt.cli.output import print_json
from lradapt.data.changes import Changes, compare
from lradapt.data.version_tables import Tables, read_version
from lradapt.reporting import changes_report

_WORDS = {"image", "class", "from", "to", "kind", "change", "state before", "state after"}
"""Columns whose cells may be folded; the others hold numbers."""

OldTable = Annotated[
    Path | None, typer.Option(help="The old images.csv; with the new one, pixels are compared.")
]
NewTable = Annotated[Path | None, typer.Option(help="The new images.csv.")]
OldSplit = Annotated[
    Path | None, typer.Option(help="The old split.csv, which has the test images.")
]
NewSplit = Annotated[Path | None, typer.Option(help="The new split.csv.")]


def changes(
    old: Annotated[
        Path, typer.Argument(metavar="OLD", help="The old labels.csv, or a folder with the tables.")
    ],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The new labels.csv, or its folder.")],
    as_json: AsJson = False,
    old_images: OldTable = None,
    new_images: NewTable = None,
    old_split: OldSplit = None,
    new_split: NewSplit = None,
) -> None:
    """Compare two versions of the data.

    Prints how many images were added, removed, relabelled, moved to another group
    or split, or have other pixels: by kind, by class, and then image by image.
    images.csv and split.csv are found beside each labels.csv, or named.
    """
    before = read_version(tables_of(old, old_images, old_split))
    after = read_version(tables_of(new, new_images, new_split))
    found = compare(before, after)
    if as_json:
        print_json(changes_report.as_json(found))
    else:
        print_changes(found, output())


def tables_of(path: Path, images: Path | None, split: Path | None) -> Tables:
    """Return the tables of a version: those named, else those beside its `labels.csv`."""
    folder = path if path.is_dir() else path.parent
    beside = [folder / name for name in ("images.csv", "split.csv")]
    found = [table if table.is_file() else None for table in beside]
    labels = path / "labels.csv" if path.is_dir() else path
    return Tables(labels, images or found[0], split or found[1])


def print_changes(found: Changes, console: Console) -> None:
    """Print the sentence, and the tables below it."""
    console.print(Text(changes_report.sentence(found)))
    for section in changes_report.sections(found):
        console.print("", Text(section.title, style="bold"), sep="\n")
        table = Table(
            *_columns(section),
            box=SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            padding=(0, 1, 0, 0),
        )
        for row in section.rows:
            table.add_row(*map(Text, row))  # as Text, so that brackets in a name are no markup
        console.print(table)


def _columns(section: changes_report.Section) -> list[Column]:
    """Return the columns: words may be folded, numbers not, their headings only between words."""
    columns = []
    for number, name in enumerate(section.columns):
        if name in _WORDS:
            columns.append(Column(name, overflow="fold"))
        else:
            parts = [*name.split(), *(row[number] for row in section.rows)]
            columns.append(Column(name, justify="right", min_width=max(map(len, parts))))
    return columns


def printed(found: Changes) -> str:
    """Return what `print_changes` prints, without colours, as wide as the terminal."""
    page = StringIO()
    print_changes(found, Console(file=page, color_system=None))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())
