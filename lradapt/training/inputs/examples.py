"""Labelled inputs for batches: activations or uint8 pixels, in the device's memory or on disk.

An image's view comes from (seed, step), and where the pixels lie changes no bit. Letters: N images,
B of a batch, S side in pixels.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lradapt.compute.engine import free_memory, generator
from lradapt.compute.forward_pass import images_at_once
from lradapt.data.labelled_image import LabelledImage, pixel_rows
from lradapt.networks.normalisation import Normalisation
from lradapt.training.inputs.augment import Augmentation, augment
from lradapt.training.inputs.batches import Batch, Wanted
from lradapt.training.inputs.mapped_rows import MappedRows, release

log = logging.getLogger(__name__)

Pixels = npt.NDArray[np.uint8]
_VIEW = 2  # purpose of random numbers
_PORTION = 4096  # rows copied to a device at once
_MOST_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class ActivationExamples:
    """Cached activations `[N, V, D]` of V views of each image, the clean one first, and labels."""

    activations: Tensor
    labels: Tensor
    seed: int = 0

    @property
    def at_once(self) -> int:
        """How many of them a pass without gradients takes at once."""
        return _MOST_AT_ONCE

    def batches(self, wanted: Iterable[Wanted]) -> Iterator[Batch]:
        """Yield them one after the other."""
        return map(self._batch, wanted)

    def _batch(self, wanted: Wanted) -> Batch:
        indices = wanted.own_indices.to(self.labels.device)
        views: int | Tensor = 0
        num_views = self.activations.shape[1]
        if wanted.step is not None and num_views > 1:
            numbers = generator(self.seed, _VIEW, wanted.step)
            drawn = torch.randint(num_views, (len(wanted.indices),), generator=numbers)
            views = drawn[wanted.own].to(indices.device)
        return self.activations[indices, views], self.labels[indices]


@dataclass(frozen=True, slots=True)
class RandomViews:
    """Augmented views of a batch that depend on the seed and the step alone."""

    augmentation: Augmentation
    seed: int

    def __call__(self, images: Tensor, step: int, count: int, own: slice) -> Tensor:
        """Return a view of each image of `[*, 3, S, S]`, which are the part `own` of `count`."""
        numbers = generator(self.seed, _VIEW, step)
        return augment(images, self.augmentation, numbers, count=count, own=own)


@dataclass(frozen=True, slots=True)
class Preparation:
    """From pixels to the input of a network.

    Attributes:
        normalise: as the network was trained.
        views: random views of each image; None for clean ones alone.
        layout: of the images in memory.
    """

    normalise: Normalisation
    views: RandomViews | None = None
    layout: torch.memory_format = torch.channels_last

    def __call__(self, squares: Tensor, wanted: Wanted) -> Tensor:
        """Return normalised images, in random views where a step is given and there are views.

        Args:
            squares: of the wanted part, `[*, S, S, 3]`.
            wanted: their batch.
        """
        images = self.normalise(squares.permute(0, 3, 1, 2))
        if wanted.step is not None and self.views is not None:
            images = self.views(images, wanted.step, len(wanted.indices), wanted.own)
        return images.contiguous(memory_format=self.layout)


@dataclass(frozen=True, slots=True)
class PixelExamples:
    """uint8 pixels `[N, S, S, 3]` with their labels `[N]`, both on the device."""

    pixels: Tensor
    labels: Tensor
    prepare: Preparation

    @property
    def at_once(self) -> int:
        """How many of them a pass without gradients takes at once."""
        return images_at_once(self.pixels.shape[1], _MOST_AT_ONCE)

    def batches(self, wanted: Iterable[Wanted]) -> Iterator[Batch]:
        """Yield them one after the other."""
        return map(self._batch, wanted)

    def _batch(self, wanted: Wanted) -> Batch:
        indices = wanted.own_indices.to(self.labels.device)
        squares = self.pixels.index_select(0, indices)  # faster than [indices]: docs/log.md
        return self.prepare(squares, wanted), self.labels[indices]


@dataclass(frozen=True, slots=True)
class StreamedExamples:
    """uint8 pixels on the disk with their labels `[N]` on the device."""

    pixels: MappedRows
    labels: Tensor
    prepare: Preparation

    @property
    def at_once(self) -> int:
        """How many of them a pass without gradients takes at once."""
        return images_at_once(self.pixels.array.shape[1], _MOST_AT_ONCE)

    def batches(self, wanted: Iterable[Wanted]) -> Iterator[Batch]:
        """Yield them one after the other; reads the pixels of the next ones meanwhile."""
        for one, squares in self.pixels.batches(wanted, lambda one: one.own_indices):
            labels = self.labels[one.own_indices.to(self.labels.device)]
            yield self.prepare(squares, one), labels


def activation_examples(
    activations: npt.NDArray[np.float32],
    rows: Sequence[LabelledImage],
    names: Sequence[str],
    device: torch.device,
    *,
    seed: int = 0,
) -> ActivationExamples:
    """Return the cached activations and labels of `rows`; `names` numbers the labels."""
    features_NVD = torch.from_numpy(activations[pixel_rows(rows)])
    assert bool(features_NVD.isfinite().all()), "a row of the activations was never written"
    return ActivationExamples(features_NVD.to(device), label_numbers(rows, names).to(device), seed)


def pixel_examples(
    pixels: Pixels,
    rows: Sequence[LabelledImage],
    names: Sequence[str],
    device: torch.device,
    *,
    prepare: Preparation,
    memory_share: float,
) -> PixelExamples | StreamedExamples:
    """Return the pixels and labels of `rows`.

    Args:
        pixels: `pixels.npy`, memory-mapped.
        rows: images of one split.
        names: number the labels.
        device: of the batches.
        prepare: from pixels to images.
        memory_share: of the device's free memory, in [0, 1]: if all of `pixels` fits into it, those
            of `rows` are loaded there, else they are streamed. It changes no batch.
    """
    numbers = np.array(pixel_rows(rows), dtype=np.int64)
    labels = label_numbers(rows, names).to(device)
    if _fits(pixels.nbytes, device, memory_share, len(rows)):
        return PixelExamples(pixels_on(device, pixels, numbers), labels, prepare)
    return StreamedExamples(MappedRows(pixels, numbers, device), labels, prepare)


def _fits(num_bytes: int, device: torch.device, share: float, num_images: int) -> bool:
    free = free_memory(device)
    fits = num_bytes <= share * free
    log.info(
        "pixels of %s images: %s, since all %s MB of pixels are %s than %g %% of the %s MB that "
        "%s has free (data.memory_share)",
        f"{num_images:,}",
        "loaded into memory" if fits else "streamed from the disk",
        f"{num_bytes / 1e6:,.1f}",
        "no more" if fits else "more",
        100 * share,
        f"{free / 1e6:,.0f}",
        device,
    )
    return fits


def label_numbers(rows: Sequence[LabelledImage], names: Sequence[str]) -> Tensor:
    """Return the place of each row's label in `names`, int64 `[N]`."""
    number = {name: index for index, name in enumerate(names)}
    return torch.tensor([number[row.label] for row in rows], dtype=torch.int64)


def pixels_on(device: torch.device, pixels: Pixels, rows: npt.NDArray[np.int64]) -> Tensor:
    """Load rows of `pixels.npy` `[*, S, S, 3]` to the device, uint8 `[N, S, S, 3]`.

    Copies in portions, so that the host need not hold all of them as well.
    """
    found = torch.empty((len(rows), *pixels.shape[1:]), dtype=torch.uint8, device=device)
    for start in range(0, len(rows), _PORTION):
        found[start : start + _PORTION] = torch.from_numpy(pixels[rows[start : start + _PORTION]])
        release(pixels)
    return found
