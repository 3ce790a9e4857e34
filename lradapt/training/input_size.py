"""The input size at which a frozen backbone reads images best.

Each size is judged by the held-out loss of an exact head on the frozen body's activations, so no
training is needed. Letters: N images, S side in pixels, D features.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lradapt.compute.engine import Engine
from lradapt.compute.forward_pass import images_at_once
from lradapt.networks.normalisation import Normalisation
from lradapt.runtime.progress import tracked
from lradapt.training.activations import Pixels, frozen_forward
from lradapt.training.exact_head import held_out_loss

log = logging.getLogger(__name__)

WORSE = 1.05
"""A size whose loss is so many times the lowest ends the search: larger ones are further away from
the size that the backbone was trained on (ResNet-18 from 32 pixels: docs/log.md)."""
AS_GOOD = 1.02
"""Up to here a loss counts as the lowest, and the smaller size, which is faster, is taken."""
_AT_ONCE = 64  # squares of a forward pass


@dataclass(frozen=True, slots=True)
class TriedSize:
    """An input size, in pixels, and the held-out loss of a head at it, in nats."""

    size: int
    loss: float


@dataclass(frozen=True, slots=True)
class FrozenReader:
    """Squares in, activations out.

    Attributes:
        body: images `[B, 3, S, S]` -> `[B, D]`, in eval mode, on the engine's device.
        engine: where to compute.
        normalise: as the body was trained.
    """

    body: nn.Module
    engine: Engine
    normalise: Normalisation

    def __call__(self, squares: Pixels) -> Tensor:
        """Return the activations, fp32 `[N, D]`, of squares, uint8 `[N, S, S, 3]`."""
        batches = torch.split(torch.from_numpy(squares), images_at_once(squares.shape[1], _AT_ONCE))
        return torch.cat([self._forward(batch) for batch in batches])

    def _forward(self, squares: Tensor) -> Tensor:
        images = self.normalise(squares.to(self.engine.device).permute(0, 3, 1, 2))
        placed = images.contiguous(memory_format=self.engine.layout)
        return frozen_forward(self.body, placed, self.engine)


def try_sizes(
    squares: Mapping[int, Pixels],
    labels: Tensor,
    groups: Sequence[int],
    read: Callable[[Pixels], Tensor],
) -> list[TriedSize]:
    """Return the loss at each size, from the smallest until one is much worse than the best.

    Args:
        squares: side S -> the same images at it, uint8 `[N, S, S, 3]`.
        labels: int64 `[N]`.
        groups: number of each image's group, whose images are in one fold.
        read: squares -> the activations of the frozen body, fp32 `[N, D]`.

    Returns:
        The sizes that were tried; none where the classes have too few groups to hold any out.
    """
    tried = list[TriedSize]()
    with tracked(sorted(squares), "input size", total=len(squares), unit="sizes") as sizes:
        for size in sizes:
            loss = held_out_loss(read(squares[size]), labels, groups)
            if loss is None:
                return []
            tried.append(TriedSize(size, loss))
            log.info("input size %d: held-out loss %.4f", size, loss)
            if loss > WORSE * min(one.loss for one in tried):
                break
    return tried


def best_size(tried: Sequence[TriedSize]) -> TriedSize:
    """Return the smallest of the sizes whose losses count as the lowest."""
    lowest = min(one.loss for one in tried)
    return min((one for one in tried if one.loss <= AS_GOOD * lowest), key=lambda one: one.size)
