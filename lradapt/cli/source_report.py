"""How a source of images was read, for a person; and its check by the values of params.yaml."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Column, Table

from lradapt.cli.output import console
from lradapt.data.labelled_image import SPLITS, LabelledImage
from lradapt.text import printable, shortened

if TYPE_CHECKING:
    from lradapt.data.folder_check import FolderCheck
    from lradapt.data.importing.source_labels import SourceLabels

_MOST_CLASSES = 12
_TIE = "(annotators are tied)"


def check_as_stages(folder: Path, labels: Sequence[LabelledImage]) -> "FolderCheck":
    """Check a folder by the values of params.yaml, as stages `ingest` and `split` do."""
    from lradapt.config.params import load_params
    from lradapt.data.folder_check import check_folder

    params = load_params()
    how = params.data.preprocessing
    return check_folder(
        folder,
        labels,
        how,
        params.check.rules,
        train_per_test=params.split.train_per_test,
        validation_share=params.split.validation_share,
    )


def print_understood(source: "SourceLabels", *, stderr: bool = False) -> None:
    """Print how a source was read: notes, and for each class its images, splits and an example."""
    screen = console(stderr=stderr)
    screen.print(f"{source.title}: {len(source.labels):,} images")
    for note in source.notes:
        screen.print(f"  {printable(note)}")
    screen.print(class_table(source.labels))


def class_table(labels: Sequence[LabelledImage]) -> Table:
    """Return a line for each of the largest classes: images, those of each split, an example."""
    splits = [split for split in SPLITS if any(label.split == split for label in labels)]
    number = partial(Column, justify="right", no_wrap=True)
    table = Table(
        Column("class"),
        number("images"),
        *map(number, splits),
        Column("example"),
        box=None,
        pad_edge=False,
    )
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    examples: dict[str, str] = {}
    for label in labels:
        counts[label.label][label.split] += 1
        examples.setdefault(label.label, label.image)
    order = sorted(counts, key=lambda name: -counts[name].total())
    for name in order[:_MOST_CLASSES]:
        each = [f"{counts[name][split]:,}" for split in splits]
        texts = [printable(shortened(text)) for text in (name or _TIE, examples[name])]
        table.add_row(texts[0], f"{counts[name].total():,}", *each, texts[1])
    if len(order) > _MOST_CLASSES:
        table.add_row(f"... and {len(order) - _MOST_CLASSES:,} more")
    return table
