"""Write the tables of the runs in benchmarks/runs/ into docs/comparison.md.

    python -m benchmarks.comparison_page

Each folder of benchmarks/runs/ has the runs of `benchmarks.arms` on one set of images; the page has
a place for each.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.markers import between_markers
from benchmarks.program import run
from benchmarks.tables import Run, markdown
from lradapt.runtime.files import read_json, write_text

RUNS, PAGE = Path("benchmarks/runs"), Path("docs/comparison.md")


def read_sets(folder: Path) -> dict[str, list[Run]]:
    """Return name of a set of images -> its runs, in the order of their files."""
    return {
        each.name: [read_json(path) for path in sorted(each.glob("*.json"))]
        for each in sorted(folder.iterdir())
        if each.is_dir()
    }


def with_tables(text: str, sets: Mapping[str, Sequence[Run]]) -> str:
    """Return the page with the tables of each set in its place.

    Raises:
        LradaptError: the page has no place for a set.
    """
    for name, runs in sets.items():
        text = between_markers(text, markdown(runs).strip(), name)
    return text


def main(
    folder: Annotated[Path, typer.Option(help="Of a folder for each set of images.")] = RUNS,
    page: Annotated[Path, typer.Option(help="With a place for each set.")] = PAGE,
) -> None:
    """Write the tables into the page."""
    write_text(page, with_tables(page.read_text(encoding="utf-8"), read_sets(folder)))


if __name__ == "__main__":
    run(main)
