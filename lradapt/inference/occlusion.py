"""Occlusion maps: how much a logit falls where a part of the image is covered; for any network.

Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks" (arXiv:1311.2901),
section 4.2. Each cell of a grid is covered by the mean colour of the image, one at a time. No inner
value is needed, so it fits networks whose last layer reads no maps. Letters: S side of the image, G
cells of a side of the grid, B images of a batch.
"""

from collections.abc import Callable
from itertools import product

import numpy as np

from lradapt.data.images.decode import Pixels
from lradapt.inference.activation_maps import Floats

GRID = 8
_BATCH = 16


def occlusion_map(
    logits: Callable[[Pixels], Floats], square_SS3: Pixels, *, grid: int = GRID
) -> Floats:
    """Return the logit of the image minus that of the image with a cell covered, `[G, G]`.

    Args:
        logits: the logits of a class, `[B]`, of preprocessed pixels `[B, S, S, 3]`.
        square_SS3: the preprocessed image.
        grid: G; a smaller image has a cell for each pixel.
    """
    side = len(square_SS3)
    cells = min(grid, side)
    ends = np.linspace(0, side, cells + 1).astype(int)
    cover = square_SS3.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    whole = logits(square_SS3[None])[0]
    covered: list[Floats] = []
    every = list(product(range(cells), repeat=2))
    for start in range(0, len(every), _BATCH):
        places = every[start : start + _BATCH]
        images_BSS3 = np.repeat(square_SS3[None], len(places), axis=0)
        for image_SS3, (row, column) in zip(images_BSS3, places, strict=True):
            image_SS3[ends[row] : ends[row + 1], ends[column] : ends[column + 1]] = cover
        covered.append(logits(images_BSS3))
    falls: Floats = whole - np.concatenate(covered).reshape(cells, cells)
    return falls
