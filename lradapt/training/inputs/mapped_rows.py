"""Rows of an array on the disk, gathered a few batches before they are asked for.

Letters: N rows, B of a batch.
"""

import mmap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lradapt.runtime.prefetch import prefetched

T = TypeVar("T")

AHEAD = 2
"""Batches gathered beside the one that is computed; a third has gained nothing (docs/log.md)."""


@dataclass(frozen=True, slots=True)
class MappedRows:
    """Some rows of a memory map of uint8.

    Attributes:
        array: `[*, ...]`, of `np.load(..., mmap_mode="r")`.
        rows: the numbers of the N rows in it, int64 `[N]`.
        device: that they go to.
    """

    array: npt.NDArray[np.uint8]
    rows: npt.NDArray[np.int64]
    device: torch.device

    def __post_init__(self) -> None:
        """Check once what is not looked at again for each batch."""
        inside = not len(self.rows) or 0 <= self.rows.min() <= self.rows.max() < len(self.array)
        assert inside, f"a row lies outside the {len(self.array)} of the array"

    def batches(
        self, wanted: Iterable[T], indices_of: Callable[[T], Tensor]
    ) -> Iterator[tuple[T, Tensor]]:
        """Each of `wanted` with its rows `[B, ...]` on the device.

        Args:
            wanted: batches.
            indices_of: places in `rows` of a batch, int64 `[B]` on the CPU.
        """
        for one, found in prefetched(
            wanted, lambda one: self._gather(indices_of(one)), ahead=AHEAD
        ):
            # On the stream that computes, so that nothing need wait for the copy but the GPU; the
            # memory it comes from is not given out again before the copy has ended.
            yield one, found.to(self.device, non_blocking=True)

    def _gather(self, indices_B: Tensor) -> Tensor:
        numbers_B = self.rows[indices_B.numpy()]
        shape = (len(numbers_B), *self.array.shape[1:])
        # From memory that is pinned the GPU fetches by itself.
        found = torch.empty(shape, dtype=torch.uint8, pin_memory=self.device.type == "cuda")
        # Rows were checked above; with mode "raise" numpy would copy everything once more.
        np.take(self.array, numbers_B, axis=0, out=found.numpy(), mode="clip")
        let_go(self.array)
        return found


def let_go(array: npt.NDArray[np.uint8]) -> None:
    """Give back the memory through which a map was read; its pages stay cached by the system.

    So a process never holds the whole file, however often it has read all of it.
    """
    if isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap):
        array.base.madvise(mmap.MADV_DONTNEED)
