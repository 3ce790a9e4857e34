"""Random views of a batch on its device: crop, zoom and flips in one resampling (paper, 2.1).

Each image has its own draw (torchvision's v2 transforms draw once for a whole batch).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

NUM_DRAWS = 5
"""Of a view: zoom, two shifts, two flips."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Bounds of the random draws.

    Attributes:
        max_shift: crop: largest shift along each axis, as a share of the side, in [0, 1].
        max_zoom: largest magnification, at least 1.
        horizontal_flip, vertical_flip: whether half of the images are mirrored.
    """

    max_shift: float
    max_zoom: float
    horizontal_flip: bool
    vertical_flip: bool


def augment(
    images: Tensor,
    how: Augmentation,
    generator: torch.Generator,
    *,
    count: int | None = None,
    own: slice = slice(None),
) -> Tensor:
    """Return a random view of each image, bilinear, the border mirrored.

    Args:
        images: `[N, 3, S, S]`, floating point.
        how: bounds of the draws.
        generator: on the CPU; advances by as much for every device.
        count: of the batch that the images are a part of; None: they are all of it.
        own: which part.

    Returns:
        `[N, 3, S, S]` of the same type and device.
    """
    views = draw_views(len(images) if count is None else count, how, generator)
    return show(images, views[own])


def show(images: Tensor, views: Tensor) -> Tensor:
    """Return the views `[N, 2, 3]` (see `draw_views`) of the images `[N, 3, S, S]`."""
    grid = F.affine_grid(views.to(images), list(images.shape), align_corners=False)
    return F.grid_sample(
        images, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )


def draw_views(count: int, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Draw affine maps `[count, 2, 3]` from a view's coordinates to its image's, in [-1, 1]."""
    return views_of(torch.rand(NUM_DRAWS, count, generator=generator), how)


def views_of(uniform: Tensor, how: Augmentation) -> Tensor:
    """Return the affine maps `[N, 2, 3]` for draws `[NUM_DRAWS, N]` in [0, 1)."""
    count = uniform.shape[1]
    scale = 1 / (1 + (how.max_zoom - 1) * uniform[0])
    shift = how.max_shift * 2 * (2 * uniform[1:3] - 1)  # a side is 2 long
    views = torch.zeros(count, 2, 3)
    views[:, 0, 0] = scale * _signs(uniform[3], how.horizontal_flip)
    views[:, 1, 1] = scale * _signs(uniform[4], how.vertical_flip)
    views[:, :, 2] = shift.T
    return views


def _signs(uniform: Tensor, flip: bool) -> Tensor:
    return torch.where(uniform < 0.5, -1.0, 1.0) if flip else torch.ones_like(uniform)
