"""`lradapt check`: all that is wrong with the data, before anything is trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from lradapt.cli import exit_codes
from lradapt.cli.options import AsJson
from lradapt.cli.output import console, print_json
from lradapt.config.paths import read_paths
from lradapt.data.checks.findings import MEANINGS, Finding, Kind, by_kind, gist
from lradapt.errors import DataError
from lradapt.runtime.files import write_text

if TYPE_CHECKING:
    from lradapt.data.checks.check import Checked
    from lradapt.data.labels import Label

_NUM_EXAMPLES = 3
_COLOURS = {"stop": "bold red", "set_aside": "yellow", "keep": ""}


def check(
    folder: Annotated[
        Path | None, typer.Option(help="Not the project's data, but CLASS/IMAGE in this folder.")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="Not the project's data, but what this CSV file names.")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="With --table: the images.")] = None,
    image_column: Annotated[
        str, typer.Option(help="With --table: the column that names the file.")
    ] = "image",
    label_column: Annotated[
        str, typer.Option(help="With --table: the column of the class.")
    ] = "label",
    group_column: Annotated[
        str | None, typer.Option(help="With --table: the column of the patient or lesion.")
    ] = None,
    as_json: AsJson = False,
    html: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Also a page with small pictures.")
    ] = None,
) -> None:
    """All that is wrong with images and labels, and what params.yaml does about it.

    Looks at the project's data; or, before an import, at a folder or a table.
    Prints a line for each kind of finding: how many, what happens to them
    (check.policies in params.yaml), the first three, and the remedy.
    Writes nothing but the page. The exit code is 3 where a policy is stop.
    """
    from lradapt.config.params import load_params
    from lradapt.data.checks.check import check as check_data
    from lradapt.data.images.decode import Preprocessing
    from lradapt.data.importing.from_folder import label_folder
    from lradapt.data.importing.from_table import label_table
    from lradapt.reporting.check_page import render

    columns = {"image_column": image_column, "label_column": label_column}
    if folder and not table and not images:
        where, labels = folder, label_folder(folder).labels
    elif table and images and not folder:
        named = label_table(table, folder=images, group_column=group_column, **columns)
        where, labels = images, named.labels
    elif folder or table or images:
        raise typer.BadParameter("give --folder, or --table and --images, or none of them")
    else:
        where, labels = _of_project()
    params = load_params()
    how = Preprocessing(params.data.input_size, params.data.max_megapixels)
    checked = check_data(where, labels, how, params.check.rules)
    if html:
        write_text(html, render(checked, where, max_megapixels=how.max_megapixels))
    if as_json:
        print_json(_as_json(checked))
    else:
        _print_table(checked)
    if checked.stops:
        raise typer.Exit(exit_codes.DATA_FAULTS)


def _of_project() -> "tuple[Path, list[Label]]":
    from lradapt.data.labels import read_labels

    paths = read_paths()
    if not paths.labels.exists():
        raise DataError(
            f"no {paths.labels}: bring images and labels with `lradapt import`, or look at "
            "others with --folder or --table"
        )
    return paths.images, read_labels(paths.labels)


def _as_json(checked: "Checked") -> dict[str, object]:
    return {
        "images": checked.num_images,
        "usable": checked.num_usable,
        "stops": checked.stops,
        "findings": gist(checked.findings, checked.rules.policies, num_examples=100),
    }


def _print_table(checked: "Checked") -> None:
    table = Table(
        Column("kind", no_wrap=True),
        Column("count", justify="right", no_wrap=True),
        Column("policy", no_wrap=True),
        Column("what, such as, and the remedy", overflow="fold"),
    )
    for kind, found in by_kind(checked.findings).items():
        policy = checked.rules.policies[kind]
        style = _COLOURS[policy]
        table.add_row(kind, f"{len(found):,}", Text(policy, style), _in_words(kind, found))
    screen = console()
    if table.row_count:
        screen.print(table)
    screen.print(
        f"{checked.num_images:,} files, {checked.num_usable:,} remain for training and exam"
        + ("" if table.row_count else "; nothing was found")
    )
    if checked.stops:
        screen.print(Text("What stops must be mended first (or its policy changed)", "bold red"))


def _in_words(kind: Kind, found: Sequence[Finding]) -> Text:
    # As Text: a name in brackets is a name, not markup.
    lines = [f"{finding.subject}: {finding.detail}" for finding in found[:_NUM_EXAMPLES]]
    more = ["..."] if len(found) > _NUM_EXAMPLES else []
    meaning = MEANINGS[kind]
    return Text("\n").join(
        [
            Text(meaning.title, "bold"),
            *(Text(f"  {line}") for line in lines + more),
            Text(f"-> {meaning.remedy}", "dim"),
        ]
    )
