"""A step of a project's fine-tuning on random images: its gradients, and its time."""

import copy
import time
from dataclasses import dataclass, replace
from itertools import islice

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lradapt.compute.engine import Engine, seeded
from lradapt.compute.precision import require_exact_gradients
from lradapt.networks.architectures import Architecture
from lradapt.networks.classifier import build
from lradapt.training.engine_tuning.combinations import Timed
from lradapt.training.inputs.batches import Batch, training_batches
from lradapt.training.inputs.examples import PixelExamples, Preparation
from lradapt.training.layers import layer_groups
from lradapt.training.loop import train_steps

NUM_STEPS = 2
"""Steps timed at once, after one that is not timed."""
_NUM_CLASSES, _NUM_BATCHES, _RATE = 10, 4, 1e-4  # none of them changes the time of a step


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


def random_network(work: Work) -> nn.Module:
    """Return the network with random weights, the same ones each time."""
    with seeded(0):
        return build(work.architecture, _NUM_CLASSES)


def random_examples(work: Work, device: torch.device) -> PixelExamples:
    """Return the images and labels of a few batches, the same ones each time."""
    numbers = torch.Generator().manual_seed(0)
    num, size = _NUM_BATCHES * work.batch_size, work.input_size
    pixels = torch.randint(256, (num, size, size, 3), dtype=torch.uint8, generator=numbers)
    labels = torch.randint(_NUM_CLASSES, (num,), generator=numbers)
    return PixelExamples(pixels.to(device), labels.to(device), work.prepare)


def loss_and_gradients(network: nn.Module, batch: Batch, engine: Engine) -> tuple[float, Tensor]:
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


def time_steps(network: nn.Module, examples: PixelExamples, work: Work, engine: Engine) -> Timed:
    """Train a copy of the network for `NUM_STEPS` after one step more, and return their speed."""
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
