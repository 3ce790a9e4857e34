"""`lradapt check`: all that is wrong with the data, before anything is trained."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from lradapt.check import Checked
from lradapt.check import check as check_data
from lradapt.check_page import render
from lradapt.data.decode import Preprocessing
from lradapt.data.findings import MEANINGS, Finding, Kind, by_kind, gist
from lradapt.data.from_folder import label_folder
from lradapt.data.from_table import label_table
from lradapt.data.labels import Label, read_labels
from lradapt.files import write_text
from lradapt.layout import read_paths
from lradapt.params import load_params

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
    image_column: Annotated[str, typer.Option(help="With --table.")] = "image",
    label_column: Annotated[str, typer.Option(help="With --table.")] = "label",
    group_column: Annotated[str | None, typer.Option(help="With --table.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Also a page with small pictures.")] = None,
) -> None:
    """All that is wrong with images and labels, and what params.yaml does about it.

    Reads the project's data; or, before an import, a folder or a table. Writes nothing but the
    page. Ends with exit code 1 where something is found whose policy (check.policies) is stop.
    """
    columns = {"image_column": image_column, "label_column": label_column}
    if folder and not table:
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
    show = _print_json if as_json else _print_table
    show(checked)
    if checked.stops:
        raise typer.Exit(1)


def _of_project() -> tuple[Path, list[Label]]:
    paths = read_paths()
    return paths["images"], read_labels(paths["labels"])


def _print_json(checked: Checked) -> None:
    value = {
        "images": checked.num_images,
        "usable": checked.num_usable,
        "stops": checked.stops,
        "findings": gist(checked.findings, checked.rules.policies, num_examples=100),
    }
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def _print_table(checked: Checked) -> None:
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
    console = Console(highlight=False)
    if table.row_count:
        console.print(table)
    console.print(
        f"{checked.num_images:,} files, {checked.num_usable:,} remain for training and exam"
        + ("" if table.row_count else "; nothing was found")
    )
    if checked.stops:
        console.print("[bold red]What stops must be mended first[/] (or its policy changed)")


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
