"""Checks a folder of images with its labels as the stages would, without them.

`check_folder` decodes as stage `ingest` does and decides as stage `split` does, in a temporary
folder (in TMPDIR). So it finds what those stages would find, and refuses what they would refuse.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lradapt.data.admission import consider
from lradapt.data.checks.findings import Finding, Rules
from lradapt.data.images.decode import Preprocessing
from lradapt.data.images.image_table import read_table
from lradapt.data.images.ingest import ingest
from lradapt.data.images.looks import measure_looks
from lradapt.data.images.near_duplicates import near_pairs
from lradapt.data.labelled_image import LabelledImage


@dataclass(frozen=True, slots=True)
class FolderCheck:
    """The result of `check_folder`.

    Attributes:
        num_images: the number of files in the folder.
        num_usable: the number of images that remain.
        findings: all problems.
        rules: the rules of the checks.
        refusal: why stage `split` would refuse a training; "" where it would not.
    """

    num_images: int
    num_usable: int
    findings: list[Finding]
    rules: Rules
    refusal: str

    @property
    def stops(self) -> bool:
        """Whether the stages would refuse a training."""
        return bool(self.refusal)


def check_folder(
    images: Path,
    labels: Sequence[LabelledImage],
    how: Preprocessing,
    rules: Rules,
    *,
    train_per_test: float,
    validation_share: float,
) -> FolderCheck:
    """Decode every file below `images`, and check it with `labels`.

    Args:
        images: the folder.
        labels: its labels.
        how: as stage `ingest` decodes.
        rules: limits and policies.
        train_per_test: see `split.assign_splits`.
        validation_share: the same.

    Raises:
        DataError: the folder has no file, see `ingest`.
    """
    with tempfile.TemporaryDirectory(prefix="lradapt-check-") as folder:
        pixels, table = Path(folder, "pixels.npy"), Path(folder, "images.csv")
        ingest(images, pixels=pixels, table=table, how=how)
        rows = read_table(table)
        squares = np.load(pixels, mmap_mode="r")
        near = near_pairs(squares, min_correlation=rules.near_correlation)
        looks = measure_looks(squares)
        del squares  # Windows removes no file that is mapped
    found = consider(
        rows,
        labels,
        near,
        rules,
        train_per_test=train_per_test,
        validation_share=validation_share,
        looks=looks,
    )
    return FolderCheck(len(rows), len(found.images), found.findings, rules, found.refusal)
