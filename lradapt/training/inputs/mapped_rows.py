"""Rows of an array on disk, read a few batches ahead.

Letters: N rows, B of a batch.
"""

import mmap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lradapt.runtime.prefetch import prefetched
from lradapt.runtime.system.disk import release_pages

T = TypeVar("T")

AHEAD = 2
"""Batches read ahead of the one that is computed; a third gained nothing (docs/log.md)."""


@dataclass(frozen=True, slots=True)
class MappedRows:
    """Some rows of a memory map of uint8.

    Attributes:
        array: `[*, ...]`, of `np.load(..., mmap_mode="r")`.
        rows: the numbers of the N rows in it, int64 `[N]`.
        device: their destination.
    """

    array: npt.NDArray[np.uint8]
    rows: npt.NDArray[np.int64]
    device: torch.device

    def __post_init__(self) -> None:
        """Check the rows once rather than for each batch."""
        inside = not len(self.rows) or 0 <= self.rows.min() <= self.rows.max() < len(self.array)
        assert inside, f"a row lies outside the {len(self.array)} of the array"

    def batches(
        self, wanted: Iterable[T], indices_of: Callable[[T], Tensor]
    ) -> Iterator[tuple[T, Tensor]]:
        """Yield each of `wanted` with its rows `[B, ...]` on the device.

        Args:
            wanted: batches.
            indices_of: places in `rows` of a batch, int64 `[B]` on the CPU.
        """
        for one, found in prefetched(
            wanted, lambda one: self._gather(indices_of(one)), ahead=AHEAD
        ):
            # On the stream that computes, so that only the GPU waits for the copy; its source is
            # not reused before the copy has ended. MPS has no pinned memory, so it is waited for.
            yield one, found.to(self.device, non_blocking=self.device.type == "cuda")

    def _gather(self, indices_B: Tensor) -> Tensor:
        numbers_B = self.rows[indices_B.numpy()]
        shape = (len(numbers_B), *self.array.shape[1:])
        # The GPU copies from pinned memory by itself.
        found = torch.empty(shape, dtype=torch.uint8, pin_memory=self.device.type == "cuda")
        # Rows were checked above; with mode "raise" numpy would copy everything once more.
        np.take(self.array, numbers_B, axis=0, out=found.numpy(), mode="clip")
        release(self.array)
        return found


def release(array: npt.NDArray[Any]) -> None:
    """Release the memory through which a map was read; the system keeps its pages cached.

    So a process never holds the whole file, however often it has read all of it.
    """
    if isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap):
        release_pages(array.base)
