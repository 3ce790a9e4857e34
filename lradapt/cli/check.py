"""`lradapt check`: find all problems of the data before anything is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from lradapt.cli import exit_codes
from lradapt.cli.doubtful import doubts_in_words, open_doubts
from lradapt.cli.options import AsJson
from lradapt.cli.output import console, print_json
from lradapt.cli.project_classes import unknown_classes
from lradapt.cli.source_options import (
    AnnotatorColumn,
    GroupColumn,
    IgnoreColumns,
    LayoutOption,
    SplitColumn,
    SplitsOption,
    given_columns,
)
from lradapt.cli.source_report import check_as_stages, print_understood
from lradapt.config.paths import read_paths
from lradapt.data.checks.findings import Finding, by_kind, policy_in_words, summarise
from lradapt.data.checks.problem_kinds import MEANINGS, Kind
from lradapt.data.importing.layouts import Layout
from lradapt.errors import DataError
from lradapt.runtime.files import write_text
from lradapt.text import printable

if TYPE_CHECKING:
    from lradapt.data.folder_check import FolderCheck
    from lradapt.data.importing.source_labels import SourceLabels
    from lradapt.data.importing.table_columns import GivenColumns

_NUM_EXAMPLES = 3
_COLOURS = {"stop": "bold red", "set_aside": "yellow", "keep": ""}


def check(
    folder: Annotated[
        Path | None, typer.Option(help="Check CLASS/IMAGE in this folder instead of the project.")
    ] = None,
    layout: LayoutOption = None,
    table: Annotated[
        Path | None, typer.Option(help="Check the images of this CSV file instead of the project.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="With --table: the folder of the images.")
    ] = None,
    image_column: Annotated[
        str | None, typer.Option(help="With --table: the column of the file name.")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="With --table: the column of the class.")
    ] = None,
    group_column: GroupColumn = None,
    split_column: SplitColumn = None,
    annotator_column: AnnotatorColumn = None,
    ignore_column: IgnoreColumns = None,
    split: SplitsOption = None,
    as_json: AsJson = False,
    html: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Also write a page with small images.")
    ] = None,
) -> None:
    """Find the problems of images and labels, and show what params.yaml does about them.

    Checks the project's data; or, before an import, a folder or a table.
    Prints each kind of problem: the number, the policy (check.policies in
    params.yaml), the first three, and the remedy.
    Writes only the page. The exit code is 3 where a training would be refused.
    """
    given = given_columns(
        image=image_column,
        label=label_column,
        group=group_column,
        split=split_column,
        annotator=annotator_column,
        ignored=ignore_column,
        splits=split,
    )
    source = _labels_of(folder, layout, table, images, given)
    _report(source, of_project=not (folder or table), as_json=as_json, html=html)


def _labels_of(
    folder: Path | None,
    layout: Layout | None,
    table: Path | None,
    images: Path | None,
    given: "GivenColumns",
) -> "SourceLabels":
    """Return the labels of the source that the options name; refuse options of another source."""
    from lradapt.data.importing.from_folder import label_folder
    from lradapt.data.importing.from_table import label_table

    names = ("image", "label", "group", "split", "annotator")
    columns = {f"--{name}-column": getattr(given, name) for name in names}
    columns["--ignore-column"] = given.ignored
    if folder and not table and not images:
        _refuse(columns, "--table")
        return label_folder(folder, layout=layout, splits=given.splits)
    if table and images and not folder:
        _refuse({"--layout": layout}, "--folder")
        return label_table(table, folder=images, given=given)
    if folder or table or images:
        raise typer.BadParameter("give --folder, or --table and --images, or none of them")
    _refuse(columns, "--table")
    _refuse({"--layout": layout, "--split": given.splits}, "--folder or --table")
    return _project_labels()


def _refuse(options: Mapping[str, object], needed: str) -> None:
    """Refuse options that would change nothing, since they are of another source."""
    given = [name for name, value in options.items() if value]
    if given:
        raise typer.BadParameter(f"{', '.join(given)}: only with {needed}")


def _report(source: "SourceLabels", *, of_project: bool, as_json: bool, html: Path | None) -> None:
    """Check images and labels, and print the problems; exit where a training would be refused."""
    checked = check_as_stages(source.folder, source.labels)
    refusals = [checked.refusal, unknown_classes(source.labels)]
    checked = replace(checked, refusal="\n".join(filter(None, refusals)))
    if html:
        _write_page(html, checked, source.folder)
    if as_json:
        print_json(_as_json(checked))
    else:
        if source.notes:
            print_understood(source)
        _print_table(checked)
        _print_doubts(source, of_project=of_project)
    if checked.stops:
        raise typer.Exit(exit_codes.DATA_FAULTS)


def _write_page(path: Path, checked: "FolderCheck", folder: Path) -> None:
    from lradapt.config.params import load_params
    from lradapt.reporting.check_page import render

    max_megapixels = load_params().data.max_megapixels
    write_text(path, render(checked, folder, max_megapixels=max_megapixels))


def _project_labels() -> "SourceLabels":
    from lradapt.data.importing.source_labels import SourceLabels
    from lradapt.data.labels import read_labels

    paths = read_paths()
    if not paths.labels.exists():
        raise DataError(
            f"no {paths.labels}: import images and labels with `lradapt import`, or check "
            "others with --folder or --table"
        )
    return SourceLabels(paths.images, read_labels(paths.labels), [])


def _print_doubts(source: "SourceLabels", *, of_project: bool) -> None:
    if not of_project:
        return
    table = read_paths().doubtful_labels
    doubts = open_doubts(table, source.labels)
    if doubts:
        console().print(Text(doubts_in_words(doubts, table, most=_NUM_EXAMPLES)))


def _as_json(checked: "FolderCheck") -> dict[str, object]:
    return {
        "images": checked.num_images,
        "usable": checked.num_usable,
        "stops": checked.stops,
        "refusal": checked.refusal,
        "findings": summarise(checked.findings, checked.rules.policies, num_examples=100),
    }


def _print_table(checked: "FolderCheck") -> None:
    table = Table(
        Column("kind", no_wrap=True),
        Column("count", justify="right", no_wrap=True),
        Column("policy", no_wrap=True),
        Column("problem, examples and remedy", overflow="fold"),
    )
    for kind, found in by_kind(checked.findings).items():
        policy = checked.rules.policies[kind]
        style = _COLOURS[policy]
        table.add_row(
            kind,
            f"{len(found):,}",
            Text(policy_in_words(found, policy), style),
            _in_words(kind, found),
        )
    screen = console()
    if table.row_count:
        screen.print(table)
    screen.print(
        f"{checked.num_images:,} files, {checked.num_usable:,} usable"
        + ("" if table.row_count or checked.stops else "; no problem was found")
    )
    if checked.stops:
        screen.print(Text(f"a training would be refused: {checked.refusal}", "bold red"))
        screen.print(
            Text("correct the problems with the policy stop, or change the policy", "bold red")
        )


def _in_words(kind: Kind, found: Sequence[Finding]) -> Text:
    # as Text, so that brackets in a name are no markup
    lines = [f"{finding.subject}: {finding.detail}" for finding in found[:_NUM_EXAMPLES]]
    more = ["..."] if len(found) > _NUM_EXAMPLES else []
    meaning = MEANINGS[kind]
    return Text("\n").join(
        [
            Text(meaning.title, "bold"),
            *(Text(f"  {printable(line)}") for line in lines + more),
            Text(f"-> {meaning.remedy}", "dim"),
        ]
    )
