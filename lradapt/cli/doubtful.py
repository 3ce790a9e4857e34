"""The doubtful labels of the last run, and what becomes of them, in words."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from lradapt.data.doubtful_table import DoubtfulLabel, read_doubtful
from lradapt.data.labelled_image import TEST, LabelledImage
from lradapt.data.labels import as_read
from lradapt.runtime.files import read_json
from lradapt.text import printable


def open_doubts(table: Path, labels: Iterable[LabelledImage]) -> list[DoubtfulLabel]:
    """Return the lines of the last run's list, outside the test split, whose label is as it was.

    Without a list there is none.
    """
    if not table.exists():
        return []
    present = {(as_read(image.image), as_read(image.label)) for image in labels}
    lines = (line for line in read_doubtful(table) if line.split != TEST)
    return [line for line in lines if (as_read(line.image), as_read(line.label)) in present]


def doubts_in_words(doubts: Sequence[DoubtfulLabel], table: Path, *, most: int) -> str:
    """Return a sentence on the doubtful labels, with the first ones."""
    first = ", ".join(
        printable(f"{line.image} ({line.label}, rather {line.proposed})") for line in doubts[:most]
    )
    return (
        f"labels to look at: {len(doubts):,} of the last run's list, the most doubtful {first}; "
        f"all in {table}; decide with `lradapt review`"
    )


def exclusion_in_words(policy: str, summary: Path) -> str:
    """Return what a run leaves out of the training, with the number of the last run; "" by `keep`.

    Args:
        policy: `doubtful_labels` of params.yaml.
        summary: of stage `doubtful_labels`; may not exist.
    """
    if policy == "keep":
        return ""
    found = read_json(summary) if summary.exists() else {}
    last = f": {found['excluded']:,} in the last run" if found.get("policy") == policy else ""
    return f"doubtful_labels: {policy}: training images of doubtful labels are left out{last}"
