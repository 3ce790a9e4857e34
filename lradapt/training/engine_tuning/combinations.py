"""Combinations of engine settings, what was measured of each, and which is recommended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import median

import torch

from lradapt.compute.engine import LAYOUTS
from lradapt.runtime.system.cores import available_cores

TIE = 0.95
"""A rate of this share of the highest counts as equally fast."""


@dataclass(frozen=True, slots=True)
class Combination:
    """Values of params.yaml's section `engine`."""

    precision: str
    memory_format: str
    threads: int


@dataclass(frozen=True, slots=True)
class Timed:
    """The speed of some steps.

    Attributes:
        rate: images a second.
        cpu_seconds: of all threads, for a step.
    """

    rate: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Effect:
    """The numerical effect of a combination on one step, against the reference; 0: none.

    Attributes:
        loss: the difference as a share of the reference's.
        gradients: the length of the difference as a share of the reference's length.
    """

    loss: float
    gradients: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A combination with its effect and at least one timing."""

    combination: Combination
    effect: Effect
    times: tuple[Timed, ...]

    @property
    def rate(self) -> float:
        """The median, in images a second."""
        return median(timed.rate for timed in self.times)

    @property
    def cpu_seconds(self) -> float:
        """The median of a step."""
        return median(timed.cpu_seconds for timed in self.times)


@dataclass(frozen=True, slots=True)
class Tuning:
    """The result.

    Attributes:
        measured: in the order of `combinations`.
        left_out: combinations that train wrongly or are far slower than others, and why.
        recommended: one of the measured.
    """

    measured: tuple[Measured, ...]
    left_out: Mapping[Combination, str]
    recommended: Combination


def combinations(device: torch.device, threads: int) -> list[Combination]:
    """Return every combination to measure, the reference first.

    Args:
        device: a GPU is measured with `threads` alone, since its speed depends on none of them.
        threads: of params.yaml; on the CPU also all its cores, and half of them.
    """
    cores = available_cores()
    counts = {threads} if device.type != "cpu" else {threads, cores, max(1, cores // 2)}
    plain_first = sorted(LAYOUTS, reverse=True)
    return [
        Combination(*values) for values in product(("fp32", "bf16"), plain_first, sorted(counts))
    ]


def recommend(measured: Sequence[Measured]) -> Combination:
    """Return the fastest by its median; among equals, fp32 first, then the fewest CPU seconds.

    Equally fast is a combination that reached `TIE` of that median in any round. So beside other
    programs, where rates vary more than combinations differ, CPU seconds decide.
    """
    highest = max(one.rate for one in measured)
    equal = [one for one in measured if max(timed.rate for timed in one.times) >= TIE * highest]
    return min(
        equal, key=lambda one: (one.combination.precision != "fp32", one.cpu_seconds)
    ).combination
