"""Batches from arrays that lie on the device: activations, or uint8 pixels.

The order of images comes from (seed, epoch) and an image's view from (seed, step), so that a run
can be resumed at any step. Letters: N images, B of a batch, S side in pixels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lradapt.data.augment import Augmentation, augment
from lradapt.data.split_table import SplitRow
from lradapt.engine import generator
from lradapt.imbalance import Order, shuffled

Batch = tuple[Tensor, Tensor]
_ORDER, _VIEW = 1, 2  # purposes of random numbers


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Mean and standard deviation of each channel, on the scale 0 to 1."""

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]

    def __call__(self, images: Tensor) -> Tensor:
        """Pixels 0 to 255 of any type, `[N, 3, S, S]`, to normalised fp32."""
        shape = (1, 3, 1, 1)
        mean = torch.tensor(self.mean, device=images.device).view(shape) * 255
        deviation = torch.tensor(self.deviation, device=images.device).view(shape) * 255
        return (images.float() - mean) / deviation


class Examples(Protocol):
    """Labelled inputs on a device."""

    @property
    def labels(self) -> Tensor:
        """int64 `[N]`."""
        ...

    def batch(self, indices: Tensor, step: int | None) -> Batch:
        """Inputs and labels; `step` selects the random views, None the clean ones."""
        ...


@dataclass(frozen=True, slots=True)
class ActivationExamples:
    """Cached activations `[N, V, D]` of V views of each image, the clean one first, and labels."""

    activations: Tensor
    labels: Tensor
    seed: int = 0

    def batch(self, indices: Tensor, step: int | None) -> Batch:
        """One view of each image: drawn anew at each step, or the clean one."""
        views: int | Tensor = 0
        num_views = self.activations.shape[1]
        if step is not None and num_views > 1:
            numbers = generator(self.seed, _VIEW, step)
            views = torch.randint(num_views, (len(indices),), generator=numbers).to(indices.device)
        return self.activations[indices, views], self.labels[indices]


@dataclass(frozen=True, slots=True)
class RandomViews:
    """Augmented views of a batch that depend on the seed and the step alone."""

    augmentation: Augmentation
    seed: int

    def __call__(self, images: Tensor, step: int) -> Tensor:
        """A view of each of the images `[B, 3, S, S]`."""
        return augment(images, self.augmentation, generator(self.seed, _VIEW, step))


@dataclass(frozen=True, slots=True)
class PixelExamples:
    """uint8 pixels `[N, 3, S, S]` (channels last in memory) with their labels `[N]`."""

    pixels: Tensor
    labels: Tensor
    normalise: Normalisation
    views: RandomViews | None = None

    def batch(self, indices: Tensor, step: int | None) -> Batch:
        """Normalised images; random views of them where there are such and a step is given."""
        images = self.normalise(self.pixels[indices])
        if step is not None and self.views is not None:
            images = self.views(images, step)
        return images.contiguous(memory_format=torch.channels_last), self.labels[indices]


def activation_examples(
    activations: npt.NDArray[np.float32],
    rows: Sequence[SplitRow],
    names: Sequence[str],
    device: torch.device,
    *,
    seed: int = 0,
) -> ActivationExamples:
    """The cached activations and labels of `rows`; `names` gives the labels their numbers."""
    features_NVD = torch.from_numpy(activations[[row.row for row in rows]])
    assert bool(features_NVD.isfinite().all()), "a row of the activations was never written"
    return ActivationExamples(features_NVD.to(device), label_numbers(rows, names).to(device), seed)


def pixel_examples(
    pixels: npt.NDArray[np.uint8],
    rows: Sequence[SplitRow],
    names: Sequence[str],
    device: torch.device,
    *,
    normalise: Normalisation,
    views: RandomViews | None = None,
) -> PixelExamples:
    """The pixels and labels of `rows`; `names` gives the labels their numbers."""
    return PixelExamples(
        pixels_on(device, pixels, [row.row for row in rows]),
        label_numbers(rows, names).to(device),
        normalise,
        views,
    )


def label_numbers(rows: Sequence[SplitRow], names: Sequence[str]) -> Tensor:
    """The place of each row's label in `names`, int64 `[N]`."""
    number = {name: index for index, name in enumerate(names)}
    return torch.tensor([number[row.label] for row in rows], dtype=torch.int64)


def pixels_on(device: torch.device, pixels: npt.NDArray[np.uint8], rows: Sequence[int]) -> Tensor:
    """Rows of `pixels.npy` `[*, S, S, 3]` as a tensor `[N, 3, S, S]` on the device."""
    return torch.from_numpy(pixels[list(rows)]).to(device).permute(0, 3, 1, 2)


def steps_per_epoch(num_examples: int, batch_size: int) -> int:
    """Batches of an epoch."""
    return -(-num_examples // batch_size)


def training_batches(
    examples: Examples,
    *,
    batch_size: int,
    seed: int,
    order: Order = shuffled,
    first_step: int = 0,
) -> Iterator[Batch]:
    """Batches for ever, a new order each epoch; by default every image once.

    An epoch's batches differ by one image at most: none is dropped, and none is a lone image that
    BatchNorm could not take.
    """
    num_examples = len(examples.labels)
    num_steps = steps_per_epoch(num_examples, batch_size)
    epoch, skip = divmod(first_step, num_steps)
    while True:
        indices_N = order(examples.labels, generator(seed, _ORDER, epoch))
        for number, indices in enumerate(indices_N.tensor_split(num_steps)):
            if number >= skip:
                step = epoch * num_steps + number
                yield examples.batch(indices.to(examples.labels.device), step)
        epoch, skip = epoch + 1, 0


def clean_batches(examples: Examples, *, batch_size: int) -> Iterator[Batch]:
    """Every image once, in order, without random views."""
    indices = torch.arange(len(examples.labels), device=examples.labels.device)
    for part in torch.split(indices, batch_size):
        yield examples.batch(part, None)
