"""Normalisation of pixels, as the network was trained."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Mean and standard deviation of each channel, on the scale 0 to 1."""

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]

    def __call__(self, images: Tensor) -> Tensor:
        """Turn pixels 0 to 255 of any type, `[N, 3, S, S]`, into normalised fp32."""
        shape = (1, 3, 1, 1)
        mean = torch.tensor(self.mean, device=images.device).view(shape) * 255
        deviation = torch.tensor(self.deviation, device=images.device).view(shape) * 255
        return (images.float() - mean) / deviation
