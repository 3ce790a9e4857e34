"""Images that are dark, bright or blurred as the network sees them."""

from collections.abc import Container, Sequence

import numpy as np

from lradapt.data.checks.findings import Finding
from lradapt.data.checks.problem_kinds import Kind
from lradapt.data.images.image_table import OK, ImageRow
from lradapt.data.images.looks import Looks

_DARK = 82.0
"""Of 255: nearly no grey value is above it (0.32, the limit of CleanVision)."""
_BRIGHT = 242.0
"""Of 255: nearly no grey value is below it (0.95, the limit of CleanVision)."""
_BLURRED = 0.25
"""Of the median sharpness of the set (docs/data.md has what it finds)."""


def find_look_faults(
    rows: Sequence[ImageRow], looks: Looks, removed: Container[str]
) -> list[Finding]:
    """Find images that are nearly black, nearly white, or far less sharp than the others.

    Args:
        rows: of `images.csv`; images of one value throughout are another finding.
        looks: of these rows, in their order.
        removed: images that are set aside for another reason.
    """
    seen = [
        n
        for n, row in enumerate(rows)
        if row.verdict == OK and row.low != row.high and row.image not in removed
    ]
    dark = [(n, looks.lightest[n]) for n in seen if looks.lightest[n] < _DARK]
    bright = [(n, looks.darkest[n]) for n in seen if looks.darkest[n] > _BRIGHT]
    median = float(np.median(looks.sharpness[seen])) if seen else 0.0
    shares = [(n, looks.sharpness[n] / median) for n in seen] if median else []
    return [
        *(_of(rows[n], "dark", f"99 % of its grey values are below {v:.0f}") for n, v in dark),
        *(_of(rows[n], "bright", f"95 % of its grey values are above {v:.0f}") for n, v in bright),
        *(
            _of(rows[n], "blurred", f"{share:.0%} of the sharpness of the median image")
            for n, share in shares
            if share < _BLURRED
        ),
    ]


def _of(row: ImageRow, kind: Kind, detail: str) -> Finding:
    return Finding(kind, row.image, detail, images=(row.image,))
