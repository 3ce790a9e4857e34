"""Features brought to mean 0 and a similar size, and a layer on them as a layer on what they were.

A feature is divided by the root of its variance plus the median variance of all, so one that hardly
varies stays small. Divided by its own deviation alone it would count as much as the others, its
weight would be large, and the gradient which that weight sends would destroy the backbone in
fine-tuning (docs/log.md, 2026-11-29).

Letters: N images, V views of each, D features, E = D + 1 with a constant 1, K classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

_PORTION = 1024  # images in fp64 at once
_CONSTANT = 1e-6  # deviation divided by the largest value, below which a feature is constant


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean of each feature and what it is divided by, fp32 `[D]`.

    A constant feature has an infinite divisor: it becomes 0, and a layer gives it no weight.
    """

    mean: Tensor
    divisor: Tensor

    def inputs(self, features_NVD: Tensor) -> Tensor:
        """Return scaled rows `[V * N, E]`, the first views of all images first."""
        views = features_NVD.transpose(0, 1).flatten(0, 1)
        inputs = torch.ones(len(views), views.shape[1] + 1)
        torch.sub(views, self.mean, out=inputs[:, :-1])
        inputs[:, :-1] /= self.divisor
        return inputs

    def unfold(self, weights_KE: Tensor) -> tuple[Tensor, Tensor]:
        """Return weight `[K, D]` and bias `[K]` of the same layer on the features as they were."""
        weight_KD = weights_KE[:, :-1].double() / self.divisor.double()
        bias_K = weights_KE[:, -1].double() - weight_KD @ self.mean.double()
        return weight_KD.float(), bias_K.float()


def measure_scale(features_NVD: Tensor) -> Scale:
    """Return the scale of the rows of all images and views, fp32 `[N, V, D]`."""
    count = features_NVD.shape[0] * features_NVD.shape[1]
    mean_D = sum(rows.sum(0) for rows in _portions(features_NVD)) / count
    # As fp32: the layer must take off exactly what the features lost.
    mean_D = torch.as_tensor(mean_D).float()
    squares_D = sum(((rows - mean_D) ** 2).sum(0) for rows in _portions(features_NVD))
    variance_D = torch.as_tensor(squares_D / count)
    constant_D = variance_D.sqrt() <= _CONSTANT * features_NVD.abs().amax((0, 1))
    usual = variance_D[~constant_D].quantile(0.5) if not constant_D.all() else 0.0
    divisor_D = (variance_D + usual).sqrt().float()
    return Scale(mean_D, divisor_D.masked_fill(constant_D, torch.inf))


def _portions(features_NVD: Tensor) -> Iterator[Tensor]:
    for portion in torch.split(features_NVD, _PORTION):
        yield portion.flatten(0, 1).double()
