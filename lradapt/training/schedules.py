"""Learning-rate schedules as pure functions of the step.

A schedule returns a factor in [0, 1], by which the peak rate of each parameter group is multiplied
(see `lradapt.training.torch_scheduler`). Nothing here holds state, so a schedule can be plotted and
tested without a model, and a resumed training needs only its step number.
"""

import math
from collections.abc import Callable, Sequence
from itertools import accumulate

Schedule = Callable[[int], float]


def cosine(position: float) -> float:
    """Return half a cosine wave at `position` in [0, 1]: 1 at the start, 0 at the end.

    Equation 5 of Loshchilov and Hutter (arXiv:1608.03983) with a minimum rate of zero; the paper's
    equation 1, as printed, does not reach zero (docs/method.md).
    """
    return (1 + math.cos(math.pi * position)) / 2


def cosine_cycles(cycle_steps: Sequence[int]) -> Schedule:
    """Return cosine annealing with warm restarts over cycles of the given lengths.

    The rate restarts at its peak at the first step of each cycle (paper, sections 2.3 and 2.4). Its
    last step is just above zero, at position (T - 1) / T of a cycle of T steps.

    Args:
        cycle_steps: steps of each cycle; `[n] * k` for restarts each epoch of n steps, `[n, 2 * n,
            4 * n]` for growing cycles.

    Raises:
        ValueError: no cycle, or a cycle shorter than one step. From the schedule: a step outside.
    """
    if not cycle_steps or min(cycle_steps) < 1:
        raise ValueError(f"expected cycles of at least 1 step, got {list(cycle_steps)}")
    starts = [0, *accumulate(cycle_steps)]

    def factor(step: int) -> float:
        for start, length in zip(starts, cycle_steps, strict=False):
            if start <= step < start + length:
                return cosine((step - start) / length)
        raise ValueError(f"step {step} is outside the schedule of {starts[-1]} steps")

    return factor


def growing_cycles(*, first: int, growth: int, count: int) -> list[int]:
    """Return the lengths of `count` cycles, each `growth` times the last: l = 2^n (paper, 2.4)."""
    return [first * growth**cycle for cycle in range(count)]


def geometric(*, start: float, end: float, num_steps: int) -> Schedule:
    """Return rates from `start` to `end` in equal ratios, as factors of a peak of `end`.

    The sweep of a range test: step 0 is at `start`, step `num_steps - 1` at `end`.

    Raises:
        ValueError: fewer than two steps, or rates that do not rise from above zero.
    """
    if num_steps < 2 or not 0 < start < end:
        raise ValueError(
            f"expected 2 or more steps and 0 < start < end, got {num_steps} steps, {start} to {end}"
        )
    return lambda step: float((start / end) ** (1 - step / (num_steps - 1)))
