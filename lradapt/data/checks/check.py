"""All that is wrong with a set of labelled images, found before anything is made of it.

The same decoding as stage `ingest` and the same examination as stage `split`, into a folder that
goes again (in TMPDIR): what is told here is what those stages would find.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lradapt.data.checks.admission import examine
from lradapt.data.checks.findings import Finding, Rules, stopping
from lradapt.data.images.decode import Preprocessing
from lradapt.data.images.ingest import ingest, read_table
from lradapt.data.images.near_duplicates import near_pairs
from lradapt.data.labels import Label


@dataclass(frozen=True, slots=True)
class Checked:
    """What `check` found.

    Attributes:
        num_images: files in the folder.
        num_usable: of them, those that remain for training and exam.
        findings: all that is wrong.
        rules: by which it was looked for.
    """

    num_images: int
    num_usable: int
    findings: list[Finding]
    rules: Rules

    @property
    def stops(self) -> bool:
        """Whether a finding would stop the stages."""
        return bool(stopping(self.findings, self.rules.policies))


def check(images: Path, labels: Sequence[Label], how: Preprocessing, rules: Rules) -> Checked:
    """Decode every file below `images`, and examine it with `labels`.

    Raises:
        DataError: there is no image at all, see `ingest`.
    """
    with tempfile.TemporaryDirectory(prefix="lradapt-check-") as folder:
        pixels, table = Path(folder, "pixels.npy"), Path(folder, "images.csv")
        ingest(images, pixels=pixels, table=table, how=how)
        rows, near = (
            read_table(table),
            near_pairs(np.load(pixels, mmap_mode="r"), min_correlation=rules.near_correlation),
        )
    examined = examine(rows, labels, near, rules)
    return Checked(len(rows), len(examined.rows), examined.findings, rules)
