"""Which images make a batch, and the batches of any examples.

The order of images comes from (seed, epoch), so that a run can be resumed at any step. Letters: N
images, B of a batch.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from lradapt.compute.engine import generator, seed_layers
from lradapt.compute.processes import ALONE, Processes, part_of
from lradapt.training.imbalance import Order, shuffled

Batch = tuple[Tensor, Tensor]
_ORDER, _LAYERS = 1, 4  # purposes of random numbers


@dataclass(frozen=True, slots=True)
class Wanted:
    """A batch, or a part of it.

    Attributes:
        indices: of the images of the whole batch, int64 `[B]` on the CPU.
        step: selects their random views; None for the clean ones.
        own: the part that is wanted; each of its images has the view that it has in the whole.
    """

    indices: Tensor
    step: int | None
    own: slice = field(default_factory=lambda: slice(None))

    @property
    def own_indices(self) -> Tensor:
        """Indices of the images in the part."""
        return self.indices[self.own]


class Examples(Protocol):
    """Labelled inputs on a device."""

    @property
    def labels(self) -> Tensor:
        """int64 `[N]`."""
        ...

    @property
    def at_once(self) -> int:
        """How many of them a pass without gradients takes at once."""
        ...

    def batches(self, wanted: Iterable[Wanted]) -> Iterator[Batch]:
        """Yield inputs and labels of each; may look ahead."""
        ...


def steps_per_epoch(num_examples: int, batch_size: int) -> int:
    """Return the number of batches of an epoch."""
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
    """Return this process's part of endless batches, in a new order each epoch.

    By default every image comes once an epoch.

    An epoch's batches differ by one image at most: none is dropped, and from a size of three on
    none is a lone image, which BatchNorm could not take.
    """
    wholes = _wholes(examples.labels, batch_size, seed, order, first_step)
    parts = ((part_of(processes, len(indices)), indices, step) for indices, step in wholes)
    return examples.batches(Wanted(indices, step, own) for own, indices, step in parts)


def _wholes(
    labels_N: Tensor, batch_size: int, seed: int, order: Order, first_step: int
) -> Iterator[tuple[Tensor, int]]:
    """Yield the images of each batch and its step."""
    num_steps = steps_per_epoch(len(labels_N), batch_size)
    epoch, skip = divmod(first_step, num_steps)
    while True:
        indices_N = order(labels_N, generator(seed, _ORDER, epoch))
        for number, indices in enumerate(indices_N.tensor_split(num_steps)):
            if number >= skip:
                yield indices, epoch * num_steps + number
        epoch, skip = epoch + 1, 0


def seeded_layers(
    batches: Iterable[Batch], seed: int, first_step: int, rank: int
) -> Iterator[Batch]:
    """Yield `batches`, and before each seed the random numbers that layers such as dropout draw.

    They depend on the seed, the step and the process alone.
    """
    for step, batch in enumerate(batches, start=first_step):
        key = (seed, _LAYERS, step, rank) if rank else (seed, _LAYERS, step)
        seed_layers(generator(*key).initial_seed(), batch[1].device)
        yield batch


def clean_batches(
    examples: Examples, *, batch_size: int, processes: Processes = ALONE
) -> Iterator[Batch]:
    """Return this process's part of batches: every image once, in order, without random views."""
    parts = clean_places(len(examples.labels), batch_size, processes)
    return examples.batches(Wanted(indices, None) for indices in parts)


def clean_places(count: int, batch_size: int, processes: Processes) -> Iterator[Tensor]:
    """Yield the images in this process's part of each clean batch, int64 on the CPU."""
    for indices in torch.split(torch.arange(count), batch_size):
        yield indices[part_of(processes, len(indices))]
