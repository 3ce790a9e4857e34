"""The collective operations of the processes of one training, and the trivial case of one process.

Each process takes its part of every batch; the mean of their results over the processes is what one
process alone would compute. Several processes: see `lradapt.compute.distributed.launch`.
"""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor, nn

T = TypeVar("T")


class Processes(Protocol):
    """The processes that train one model; all must call the same methods in the same order."""

    @property
    def rank(self) -> int:
        """The number of this process, from 0; only the first writes files."""
        ...

    @property
    def size(self) -> int:
        """The number of processes."""
        ...

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of each process's `value`, to the same bits in each."""
        ...

    def mean_loss(self, loss: Tensor) -> float:
        """Return the mean of each process's scalar `loss`."""
        ...

    def joined(self, rows: Tensor, places: Tensor, total: int) -> Tensor:
        """Return all rows `[total, *]`, on the CPU; this process has those at `places`."""
        ...

    def any(self, flag: bool) -> bool:
        """Return whether the flag of any process is set."""
        ...

    def from_first(self, value: T) -> T:
        """Return the first process's `value`; those of the others are ignored."""
        ...

    def raise_if_lost(self, error: RuntimeError) -> None:
        """Raise an explanation if `error` means that another process does not answer.

        Raises:
            TrainingError: another process has ended; says why.
        """
        ...

    def distribute(self, model: nn.Module) -> nn.Module:
        """Return `model` so that a backward pass leaves the mean of all processes' gradients.

        BatchNorm in it takes its statistics from the parts of all processes from then on.
        """
        ...


@dataclass(frozen=True, slots=True)
class OneProcess:
    """One process alone, which has everything."""

    rank: int = 0
    size: int = 1

    def mean(self, value: Tensor) -> Tensor:
        """Return `value`."""
        return value

    def mean_loss(self, loss: Tensor) -> float:
        """Return `loss`."""
        return loss.item()

    def joined(self, rows: Tensor, places: Tensor, total: int) -> Tensor:
        """Return `rows`."""
        return rows

    def any(self, flag: bool) -> bool:
        """Return `flag`."""
        return flag

    def from_first(self, value: T) -> T:
        """Return `value`."""
        return value

    def raise_if_lost(self, error: RuntimeError) -> None:
        """Do nothing: there is no other process."""

    def distribute(self, model: nn.Module) -> nn.Module:
        """Return `model`."""
        return model


ALONE = OneProcess()


def part_of(processes: Processes, count: int) -> slice:
    """Return this process's part of a batch of `count`; all parts in turn are the batch.

    Their sizes differ by at most one; with fewer images than processes, some are empty.
    """
    short, longer = divmod(count, processes.size)
    start = processes.rank * short + min(processes.rank, longer)
    return slice(start, start + short + (processes.rank < longer))
