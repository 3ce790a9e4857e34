"""Batches for the peers: PyTorch's DataLoader over the same uint8 pixels, a whole batch at a time.

No loader of a peer is faster, because this one does not handle single images.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler

from lradapt.training.inputs.batches import Batch, Examples, Wanted


class WholeBatches(Dataset[Batch]):
    """Normalised images and labels of a list of indices; random views in training."""

    def __init__(self, examples: Examples, *, channels_last: bool, training: bool = True) -> None:
        self._examples, self._training, self._step = examples, training, -1
        self._format = torch.channels_last if channels_last else torch.contiguous_format

    def __len__(self) -> int:
        return len(self._examples.labels)

    def __getitem__(self, indices: list[int]) -> Batch:
        """Return a batch; its random views depend on the number of batches before."""
        self._step += 1
        step = self._step if self._training else None
        ((images, labels),) = self._examples.batches([Wanted(torch.tensor(indices), step)])
        return images.contiguous(memory_format=self._format), labels


def loader(
    examples: Examples, batch_size: int, *, channels_last: bool = False
) -> "DataLoader[Any]":
    """Return shuffled batches of every image once."""
    data = WholeBatches(examples, channels_last=channels_last)
    return _whole(data, RandomSampler(data), batch_size)


def clean_loader(examples: Examples, batch_size: int) -> "DataLoader[Any]":
    """Return channels-last batches of every image once, in order, without random views."""
    data = WholeBatches(examples, channels_last=True, training=False)
    return _whole(data, range(len(data)), batch_size)


def _whole(data: WholeBatches, order: Iterable[int], batch_size: int) -> "DataLoader[Any]":
    return DataLoader(data, sampler=BatchSampler(order, batch_size, False), batch_size=None)
