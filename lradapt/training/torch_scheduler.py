"""Cosine annealing with warm restarts as a PyTorch learning-rate scheduler."""

from collections.abc import Sequence
from itertools import accumulate

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lradapt.training.schedules import cosine_cycles


class CosineCycles(LambdaLR):
    """Let each group's rate fall from its own peak along half a cosine, once a cycle.

    The last step of a cycle of T steps has (1 + cos(pi (T - 1) / T)) / 2 of the peak, just above 0.

    Call `step()` after each step of the optimizer. The rates depend on the number of the step
    alone, so `first_step` resumes a training; `state_dict` and `load_state_dict` work too.

    Attributes:
        cycle_ends: the number of steps after which each cycle is over and its weights are worth
            keeping. `last_epoch`, the number of steps done, equals one of them at such a moment.
    """

    def __init__(
        self, optimizer: Optimizer, cycle_steps: Sequence[int], *, first_step: int = 0
    ) -> None:
        """Set the rates of `first_step`.

        Args:
            optimizer: the rates of its groups are the peaks.
            cycle_steps: steps of each cycle: `[n] * k` for restarts each epoch of n steps,
                `growing_cycles(first=n, growth=2, count=3)` for growing cycles.
            first_step: steps already done, where a training is resumed.

        Raises:
            ValueError: no cycle, or a cycle shorter than one step. From `step()`: a step after the
                end of the last cycle.
        """
        self.cycle_ends = tuple(accumulate(cycle_steps))
        schedule = cosine_cycles(cycle_steps)
        last = self.cycle_ends[-1]
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])  # PyTorch asks for it where it resumes
        super().__init__(
            optimizer,
            lambda step: 0.0 if step == last else schedule(step),
            last_epoch=first_step - 1,
        )
