"""The fastest settings of the engine on this machine, measured on a project's own training steps.

This only recommends. Precision, memory format and threads change the last bits of every training,
so a choice made at each start would give other models from equal inputs.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lradapt.compute.engine import LAYOUTS, Engine, seeded, set_engine
from lradapt.compute.precision import require_exact_gradients
from lradapt.errors import TrainingError
from lradapt.networks.architectures import Architecture
from lradapt.networks.classifier import build
from lradapt.runtime.progress import tracked
from lradapt.runtime.system.cores import available_cores
from lradapt.training.inputs.batches import Batch, clean_batches, training_batches
from lradapt.training.inputs.examples import PixelExamples, Preparation
from lradapt.training.layers import layer_groups
from lradapt.training.loop import train_steps

NUM_STEPS = 2
"""Steps timed at once, after one that is not timed."""
MAX_ROUNDS = 5
SLOW = 5
"""A combination whose first step takes this many times the fastest one's is not timed, so that two
threads that wait for each other beside another program do not use up all the time."""
TIE = 0.95
"""A rate of this share of the highest counts as equally fast."""
_SHORT_SECONDS = 1.0  # a step below this is timed however slow it is
_NO_TIME = "not measured in the time that was given"
_NUM_CLASSES, _NUM_BATCHES, _RATE = 10, 4, 1e-4  # none of them changes the time of a step


@dataclass(frozen=True, slots=True)
class Combination:
    """Values of params.yaml's section `engine`."""

    precision: str
    memory_format: str
    threads: int


@dataclass(frozen=True, slots=True)
class Work:
    """A step of the fine-tuning.

    Attributes:
        architecture: of the network, which gets random weights.
        input_size: S, the side of the random images in pixels.
        batch_size: B.
        prepare: from pixels to images; the layout is varied.
        momentum, l2: of SGD.
    """

    architecture: Architecture
    input_size: int
    batch_size: int
    prepare: Preparation
    momentum: float
    l2: float


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
    with seeded(0):
        network = build(work.architecture, _NUM_CLASSES)
    start, examples = clock(), _examples(work, device)

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
            engine = _engine(device, combination)
            times[combination].append(_timed(network, examples, work, engine))
    measured = tuple(Measured(one, effects[one], tuple(own)) for one, own in times.items() if own)
    left_out |= {one: _NO_TIME for one, own in times.items() if not own}
    return Tuning(measured, left_out, recommend(measured))


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


def _examples(work: Work, device: torch.device) -> PixelExamples:
    numbers = torch.Generator().manual_seed(0)
    num, size = _NUM_BATCHES * work.batch_size, work.input_size
    pixels = torch.randint(256, (num, size, size, 3), dtype=torch.uint8, generator=numbers)
    labels = torch.randint(_NUM_CLASSES, (num,), generator=numbers)
    return PixelExamples(pixels.to(device), labels.to(device), work.prepare)


def _engine(device: torch.device, combination: Combination) -> Engine:
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
    reference = _gradients(network, batch, _engine(device, tried[0]))
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
                own = _gradients(network, batch, _engine(device, combination))
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


def _gradients(network: nn.Module, batch: Batch, engine: Engine) -> tuple[float, Tensor]:
    """Return the loss and the gradient of all weights, fp64 `[P]` on the CPU."""
    model = engine.place(copy.deepcopy(network)).train()
    images = batch[0].contiguous(memory_format=engine.layout)
    require_exact_gradients(model, images, engine)
    with torch.random.fork_rng(), engine.autocast():  # a network may hold dropout
        torch.default_generator.manual_seed(0)
        loss = F.cross_entropy(model(images), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    parts = [weight.grad for weight in model.parameters() if weight.grad is not None]
    return loss.item(), torch.cat([part.flatten().cpu().double() for part in parts])


def _timed(network: nn.Module, examples: PixelExamples, work: Work, engine: Engine) -> Timed:
    model = engine.place(copy.deepcopy(network)).train()
    layers = work.architecture.groups
    groups = layer_groups(model, [_RATE] * len(layers), layers=layers)
    optimizer = torch.optim.SGD(groups, momentum=work.momentum, weight_decay=work.l2)
    prepare = replace(examples.prepare, layout=engine.layout)
    batches = training_batches(
        replace(examples, prepare=prepare), batch_size=work.batch_size, seed=0
    )
    steps = train_steps(model, batches, optimizer, None, engine)
    next(steps)
    start, cpu_start = time.perf_counter(), time.process_time()
    for _ in islice(steps, NUM_STEPS):
        pass
    spent, cpu_spent = time.perf_counter() - start, time.process_time() - cpu_start
    return Timed(NUM_STEPS * work.batch_size / spent, cpu_spent / NUM_STEPS)
