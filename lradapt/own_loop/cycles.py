"""Cosine annealing with warm restarts as a scheduler of PyTorch's."""

from collections.abc import Sequence
from itertools import accumulate

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lradapt.training.schedules import cosine_cycles


class CosineCycles(LambdaLR):
    """Each group's rate falls from its own peak to zero along half a cosine, once a cycle.

    Call `step()` after each step of the optimiser. `state_dict` and `load_state_dict` resume it, as
    with every scheduler of PyTorch's.

    Attributes:
        cycle_ends: the steps after which a cycle is over and its weights are worth keeping: those
            at which `last_epoch`, the steps done, is one of these.
    """

    def __init__(self, optimizer: Optimizer, cycle_steps: Sequence[int]) -> None:
        """Begin the first cycle.

        Args:
            optimizer: the rates of its groups are the peaks.
            cycle_steps: steps of each cycle: `[n] * k` for restarts each epoch of n steps,
                `growing_cycles(first=n, growth=2, count=3)` for growing ones.

        Raises:
            ValueError: no cycle, or a cycle shorter than one step. From `step()`: a step after the
                end of the last cycle.
        """
        self.cycle_ends = tuple(accumulate(cycle_steps))
        schedule = cosine_cycles(cycle_steps)
        last = self.cycle_ends[-1]
        super().__init__(optimizer, lambda step: 0.0 if step == last else schedule(step))
