"""Batches of activations or uint8 pixels, from the device's memory or streamed from the disk.

The order of images comes from (seed, epoch) and an image's view from (seed, step), so that a run
can be resumed at any step, and where the pixels lie changes no bit. Letters: N images, B of a
batch, S side in pixels.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lradapt.data.augment import Augmentation, augment
from lradapt.data.split_table import SplitRow
from lradapt.engine import free_memory, generator
from lradapt.imbalance import Order, shuffled
from lradapt.mapped_rows import MappedRows, let_go
from lradapt.processes import ALONE, Processes, part_of

log = logging.getLogger(__name__)

Batch = tuple[Tensor, Tensor]
Pixels = npt.NDArray[np.uint8]
_ORDER, _VIEW = 1, 2  # purposes of random numbers
_PORTION = 4096  # rows that are brought to a device at once


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """A batch, or a part of it.

    Attributes:
        indices: of the images of the whole batch, int64 `[B]` on the CPU.
        step: selects their random views; None for the clean ones.
        own: the part that is wanted, of which each image has the view that it has in the whole.
    """

    indices: Tensor
    step: int | None
    own: slice = field(default_factory=lambda: slice(None))

    @property
    def own_indices(self) -> Tensor:
        """Of the images in the part."""
        return self.indices[self.own]


class Examples(Protocol):
    """Labelled inputs on a device."""

    @property
    def labels(self) -> Tensor:
        """int64 `[N]`."""
        ...

    def batches(self, wanted: Iterable[Wanted]) -> Iterator[Batch]:
        """Inputs and labels of each; it may look ahead."""
        ...


@dataclass(frozen=True, slots=True)
class ActivationExamples:
    """Cached activations `[N, V, D]` of V views of each image, the clean one first, and labels."""

    activations: Tensor
    labels: Tensor
    seed: int = 0

    def batches(self, wanted: Iterable[Wanted]) -> Iterator[Batch]:
        """One after the other."""
        return map(self._batch, wanted)

    def batch(self, indices: Tensor, step: int | None) -> Batch:
        """One view of each image: drawn anew at each step, or the clean one."""
        return self._batch(Wanted(indices, step))

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
        """A view of each of the images `[*, 3, S, S]`, which are the part `own` of `count`."""
        numbers = generator(self.seed, _VIEW, step)
        return augment(images, self.augmentation, numbers, count=count, own=own)


@dataclass(frozen=True, slots=True)
class Preparation:
    """From pixels to what a network takes.

    Attributes:
        normalise: as the network was trained.
        views: that are drawn of each image; None for clean ones alone.
        layout: of the images in memory.
    """

    normalise: Normalisation
    views: RandomViews | None = None
    layout: torch.memory_format = torch.channels_last

    def __call__(self, squares: Tensor, wanted: Wanted) -> Tensor:
        """Normalised images; random views of them where there are such and a step is given.

        Args:
            squares: of the part that is wanted, `[*, S, S, 3]`.
            wanted: the batch that they are of.
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

    def batches(self, wanted: Iterable[Wanted]) -> Iterator[Batch]:
        """One after the other."""
        return map(self._batch, wanted)

    def batch(self, indices: Tensor, step: int | None) -> Batch:
        """Prepared images and their labels."""
        return self._batch(Wanted(indices, step))

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

    def batches(self, wanted: Iterable[Wanted]) -> Iterator[Batch]:
        """One after the other; the pixels of the next are read meanwhile."""
        for one, squares in self.pixels.batches(wanted, lambda one: one.own_indices):
            labels = self.labels[one.own_indices.to(self.labels.device)]
            yield self.prepare(squares, one), labels


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
    pixels: Pixels,
    rows: Sequence[SplitRow],
    names: Sequence[str],
    device: torch.device,
    *,
    prepare: Preparation,
    memory_share: float,
) -> PixelExamples | StreamedExamples:
    """The pixels and labels of `rows`.

    Args:
        pixels: `pixels.npy`, memory-mapped.
        rows: images of one side.
        names: give the labels their numbers.
        device: of the batches.
        prepare: from pixels to images.
        memory_share: of the device's free memory, in [0, 1]: where all of `pixels` fits into it,
            those of `rows` are brought there, else they are streamed. It changes no batch.
    """
    numbers = np.array([row.row for row in rows], dtype=np.int64)
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
        "brought into memory" if fits else "streamed from the disk",
        f"{num_bytes / 1e6:,.1f}",
        "no more" if fits else "more",
        100 * share,
        f"{free / 1e6:,.0f}",
        device,
    )
    return fits


def label_numbers(rows: Sequence[SplitRow], names: Sequence[str]) -> Tensor:
    """The place of each row's label in `names`, int64 `[N]`."""
    number = {name: index for index, name in enumerate(names)}
    return torch.tensor([number[row.label] for row in rows], dtype=torch.int64)


def pixels_on(device: torch.device, pixels: Pixels, rows: npt.NDArray[np.int64]) -> Tensor:
    """Rows of `pixels.npy` `[*, S, S, 3]` on the device, uint8 `[N, S, S, 3]`.

    They go there in portions, so that beside the device's the host need not hold them all.
    """
    found = torch.empty((len(rows), *pixels.shape[1:]), dtype=torch.uint8, device=device)
    for start in range(0, len(rows), _PORTION):
        found[start : start + _PORTION] = torch.from_numpy(pixels[rows[start : start + _PORTION]])
        let_go(pixels)
    return found


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
    processes: Processes = ALONE,
) -> Iterator[Batch]:
    """This process's part of batches for ever, a new order each epoch; by default every image once.

    An epoch's batches differ by one image at most: none is dropped, and none is a lone image that
    BatchNorm could not take.
    """
    wholes = _wholes(examples.labels, batch_size, seed, order, first_step)
    parts = ((part_of(processes, len(indices)), indices, step) for indices, step in wholes)
    return examples.batches(Wanted(indices, step, own) for own, indices, step in parts)


def _wholes(
    labels_N: Tensor, batch_size: int, seed: int, order: Order, first_step: int
) -> Iterator[tuple[Tensor, int]]:
    """The images of each batch and its step."""
    num_steps = steps_per_epoch(len(labels_N), batch_size)
    epoch, skip = divmod(first_step, num_steps)
    while True:
        indices_N = order(labels_N, generator(seed, _ORDER, epoch))
        for number, indices in enumerate(indices_N.tensor_split(num_steps)):
            if number >= skip:
                yield indices, epoch * num_steps + number
        epoch, skip = epoch + 1, 0


def clean_batches(
    examples: Examples, *, batch_size: int, processes: Processes = ALONE
) -> Iterator[Batch]:
    """This process's part of batches: every image once, in order, without random views."""
    parts = clean_places(len(examples.labels), batch_size, processes)
    return examples.batches(Wanted(indices, None) for indices in parts)


def clean_places(count: int, batch_size: int, processes: Processes) -> Iterator[Tensor]:
    """The images in this process's part of each clean batch, int64 on the CPU."""
    for indices in torch.split(torch.arange(count), batch_size):
        yield indices[part_of(processes, len(indices))]
