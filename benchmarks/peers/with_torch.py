"""The bare loop and the bare model: PyTorch and nothing else."""

from itertools import islice

import torch
import torch.nn.functional as F

from benchmarks.peers.inputs import NORMALISE, Given
from benchmarks.peers.loader import loader
from benchmarks.peers.measurement import Lap
from benchmarks.peers.networks import laid_out
from benchmarks.peers.work import BODY_RATE, L2, MOMENTUM
from lradapt.networks.onnx_export import Deployed, probabilities


def steps(given: Given, lap: Lap) -> int:
    """Train on ready-made batches, normalised and in channels last."""
    work, model = given.work, laid_out(given.model(), channels_last=True)
    optimizer = torch.optim.SGD(model.parameters(), BODY_RATE, MOMENTUM, weight_decay=L2)
    batches = list(loader(given.examples, work.batch_size, channels_last=True))
    for number, (images, labels) in enumerate(islice(batches, work.warm_steps + work.count)):
        if number == work.warm_steps:
            lap.start()
        with given.engine.autocast():
            loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    lap.stop()
    return number + 1 - work.warm_steps


def classify(given: Given, lap: Lap, *, channels_last: bool = False) -> int:
    """Compute the probabilities of every image by the model before its export."""
    deployed = Deployed(laid_out(given.model(), channels_last=channels_last), NORMALISE, 1.0)
    pixels = given.examples.pixels.numpy()
    size = given.work.batch_size
    probabilities(deployed, pixels[:size], batch_size=size)  # warms up
    lap.start()
    answers = probabilities(deployed, pixels, batch_size=size)
    lap.stop()
    return len(answers)
