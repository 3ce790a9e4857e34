"""What the processes of one training ask of each other, and the answers where there is but one.

Each process takes its part of every batch, and of what they find the mean over the processes is
what one process alone would find. Several: see `lradapt.compute.distributed.launch`.
"""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor, nn

T = TypeVar("T")


class Processes(Protocol):
    """The processes that train one model; all of them must ask the same in the same order."""

    @property
    def rank(self) -> int:
        """The number of this one, from 0; the first alone writes files."""
        ...

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def mean(self, value: Tensor) -> Tensor:
        """The mean of each process's `value`, of floating point, to the same bits in each."""
        ...

    def joined(self, rows: Tensor, places: Tensor, total: int) -> Tensor:
        """All rows `[total, *]`, of which this process has those at `places`; on the CPU."""
        ...

    def any(self, flag: bool) -> bool:
        """Whether the flag of any process is set."""
        ...

    def from_first(self, value: T) -> T:
        """What the first process gives; what the others give is not looked at."""
        ...

    def raise_if_lost(self, error: RuntimeError) -> None:
        """Do nothing, if `error` is this process's own.

        Raises:
            TrainingError: it is that another process does not answer any more; says why not.
        """
        ...

    def spread(self, model: nn.Module) -> nn.Module:
        """`model`, such that a backward pass leaves the mean of all processes' gradients.

        BatchNorm in it takes its statistics from the parts of all processes, from then on.
        """
        ...


@dataclass(frozen=True, slots=True)
class OneProcess:
    """A process alone: it has everything, and asks nobody."""

    rank: int = 0
    size: int = 1

    def mean(self, value: Tensor) -> Tensor:
        """`value`."""
        return value

    def joined(self, rows: Tensor, places: Tensor, total: int) -> Tensor:
        """`rows`."""
        return rows

    def any(self, flag: bool) -> bool:
        """`flag`."""
        return flag

    def from_first(self, value: T) -> T:
        """`value`."""
        return value

    def raise_if_lost(self, error: RuntimeError) -> None:
        """Nothing: there is no other."""

    def spread(self, model: nn.Module) -> nn.Module:
        """`model`."""
        return model


ALONE = OneProcess()


def part_of(processes: Processes, count: int) -> slice:
    """This process's part of a batch of `count`: all parts in turn are the batch.

    They differ by one at most; with less than one for each, some are empty.
    """
    short, longer = divmod(count, processes.size)
    start = processes.rank * short + min(processes.rank, longer)
    return slice(start, start + short + (processes.rank < longer))
