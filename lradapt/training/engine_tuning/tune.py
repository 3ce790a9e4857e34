"""Measure combinations of engine settings in turn, in several rounds and a bounded time."""

import math
import time
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from lradapt.compute.engine import Engine, set_engine
from lradapt.errors import TrainingError
from lradapt.runtime.progress import tracked
from lradapt.training.engine_tuning.combinations import (
    Combination,
    Effect,
    Measured,
    Timed,
    Tuning,
    recommend,
)
from lradapt.training.engine_tuning.step import (
    Work,
    loss_and_gradients,
    random_examples,
    random_network,
    time_steps,
)
from lradapt.training.inputs.batches import clean_batches
from lradapt.training.inputs.examples import PixelExamples

MAX_ROUNDS = 5
SLOW = 5
"""A combination whose first step takes this many times the fastest one's is not timed, so that two
threads that wait for each other beside another program do not use up all the time."""
_SHORT_SECONDS = 1.0  # a step below this is timed however slow it is
_NO_TIME = "not measured in the time that was given"


def tune(
    work: Work,
    device: torch.device,
    tried: Sequence[Combination],
    *,
    seconds: float,
    at_most: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
) -> Tuning:
    """Measure each combination in turn, in several rounds.

    Sets this process's threads.

    Args:
        work: to measure with.
        device: to measure on.
        tried: the first is the reference of the effects.
        seconds: no round begins later.
        at_most: no measurement begins later, not even in the first round, and no effect is measured
            after half of it. What was not measured is left out; the reference always is.
        clock: seconds from any start.
    """
    network = random_network(work)
    start, examples = clock(), random_examples(work, device)
    effects, left_out = _effects(
        network, examples, work, device, tried, until=start + at_most / 2, clock=clock
    )
    times: dict[Combination, list[Timed]] = {combination: [] for combination in effects}

    def due() -> Iterator[Combination]:
        for number in range(MAX_ROUNDS):
            if not number or clock() - start < seconds:
                yield from (each for each in times if clock() < start + at_most or each == tried[0])

    total = MAX_ROUNDS * len(times)
    with tracked(due(), "measure", total=total, unit="measurements") as shown:
        for combination in shown:
            engine = _engine_of(device, combination)
            times[combination].append(time_steps(network, examples, work, engine))
    measured = tuple(Measured(one, effects[one], tuple(own)) for one, own in times.items() if own)
    left_out |= {one: _NO_TIME for one, own in times.items() if not own}
    return Tuning(measured, left_out, recommend(measured))


def _engine_of(device: torch.device, combination: Combination) -> Engine:
    return set_engine(
        device=device.type,
        precision=combination.precision,
        threads=combination.threads,
        memory_format=combination.memory_format,
    )


def _effects(
    network: nn.Module,
    examples: PixelExamples,
    work: Work,
    device: torch.device,
    tried: Sequence[Combination],
    *,
    until: float,
    clock: Callable[[], float],
) -> tuple[dict[Combination, Effect], dict[Combination, str]]:
    """Return the effects of those to time, from a warm-up step, and why the others are left out."""
    batch = next(iter(clean_batches(examples, batch_size=work.batch_size)))
    reference = loss_and_gradients(network, batch, _engine_of(device, tried[0]))
    effects: dict[Combination, Effect] = {}
    left_out: dict[Combination, str] = {}
    slow: list[Combination] = []
    fastest = math.inf
    with tracked(tried, "first steps", total=len(tried), unit="combinations") as shown:
        for combination in shown:
            if effects and clock() >= until:
                left_out[combination] = _NO_TIME
                continue
            if any(_worse(combination, than=one) for one in slow):
                left_out[combination] = "slower than a combination that is left out above"
                continue
            start = clock()
            try:
                own = loss_and_gradients(network, batch, _engine_of(device, combination))
            except TrainingError as error:
                left_out[combination] = str(error)
                continue
            spent = clock() - start
            fastest = min(fastest, spent)
            if spent > max(SLOW * fastest, _SHORT_SECONDS):
                left_out[combination] = (
                    f"a step took {spent:.1f} s, the fastest so far {fastest:.1f}"
                )
                slow.append(combination)
            else:
                effects[combination] = _effect(own, reference)
    return effects, left_out


def _worse(one: Combination, *, than: Combination) -> bool:
    """Return whether `one` is surely slower: as many threads, in no faster type."""
    return one.threads == than.threads and than.precision in ("fp32", one.precision)


def _effect(own: tuple[float, Tensor], reference: tuple[float, Tensor]) -> Effect:
    (own_loss, own_gradients), (loss, gradients) = own, reference
    by = ((own_gradients - gradients).norm() / gradients.norm()).item()
    return Effect(abs(own_loss - loss) / abs(loss), by)
