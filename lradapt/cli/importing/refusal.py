"""Whether a training on images would be refused, asked before an import replaces others."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.cli.source_report import check_as_stages
from lradapt.errors import DataError

if TYPE_CHECKING:
    from lradapt.data.labelled_image import LabelledImage


def why_refused(images: Path, labels: "Sequence[LabelledImage]") -> str:
    """Return why a training on the images would be refused; "" where it would not."""
    from lradapt.data.importing.trainable import why_refused as ask

    return ask(images, labels, check_as_stages)


def present_refusal(images: Path, labels: Path) -> str:
    """Return why a training on the present data would be refused; "" where it would not."""
    from lradapt.data.labels import read_labels

    if not images.exists() or not labels.exists():
        return "there are none"
    try:
        return why_refused(images, read_labels(labels))
    except DataError as error:
        return str(error)
