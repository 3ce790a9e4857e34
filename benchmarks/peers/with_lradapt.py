"""lradapt: the functions that the stages call, on the same inputs as the peers."""

import tempfile
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.peers.inputs import Given
from benchmarks.peers.measurement import Lap
from benchmarks.peers.networks import laid_out
from benchmarks.peers.work import BODY_RATE, HEAD_RATE, L2, MOMENTUM, SWEEP
from lradapt.inference.predict import Model
from lradapt.networks.classifier import body_weights, build_body
from lradapt.training.activations import FrozenBody, square_keys, write_activations
from lradapt.training.head import HeadRecipe, new_head, train_head
from lradapt.training.inputs.augment import Augmentation
from lradapt.training.inputs.batches import training_batches
from lradapt.training.inputs.examples import ActivationExamples
from lradapt.training.layers import layer_groups
from lradapt.training.loop import finite, train_steps
from lradapt.training.range_test.measure import range_test


def head(given: Given, lap: Lap) -> int:
    """Write the activations to a file, as the stage does, and train a head on them."""
    body, new = _body(given), _head(given)
    lap.start()
    training = _activations(given, body)
    epochs = train_head(
        new,
        training,
        ActivationExamples(training.activations[:0], training.labels[:0]),
        given.engine,
        HeadRecipe(
            batch_size=given.work.batch_size,
            momentum=MOMENTUM,
            l2=L2,
            max_epochs=given.work.count,
            patience_epochs=given.work.count,
            min_gain=0.0,
        ),
        max_lr=HEAD_RATE,
        seed=0,
    )
    lap.stop()
    return sum(len(epoch.steps) for epoch in epochs)


def steps(given: Given, lap: Lap, *, channels_last: bool = False) -> int:
    """Run the training loop, which makes its batches as it needs them.

    `channels_last` is `engine.memory_format`, here of the network and of its images.
    """
    work, model = given.work, laid_out(given.model(), channels_last=channels_last)
    layout = given.engine.layout if channels_last else torch.contiguous_format
    examples = replace(given.examples, prepare=replace(given.examples.prepare, layout=layout))
    layers = given.architecture.groups
    groups = layer_groups(model, [BODY_RATE] * len(layers), layers=layers)
    optimizer = torch.optim.SGD(groups, momentum=MOMENTUM, weight_decay=L2)
    batches = training_batches(examples, batch_size=work.batch_size, seed=0)
    done = finite(train_steps(model, batches, optimizer, None, given.engine))
    for _ in islice(done, work.warm_steps):
        pass
    lap.start()
    num_steps = sum(1 for _ in islice(done, work.count))
    lap.stop()
    return num_steps


def sweep(given: Given, lap: Lap, *, from_pixels: bool = False) -> int:
    """Run a range test of the head on existing activations; or compute those as a part of it."""
    start_lr, end_lr = SWEEP
    body, model = _body(given), _head(given)
    lap.start()
    training = _activations(given, body)
    if not from_pixels:
        lap.start()  # again: the activations do not count
    found = range_test(
        model,
        training_batches(training, batch_size=given.work.batch_size, seed=0),
        torch.optim.SGD(model.parameters(), lr=1.0, momentum=MOMENTUM, weight_decay=L2),
        start_lr=start_lr,
        end_lr=end_lr,
        num_steps=given.work.count,
        engine=given.engine,
    )
    lap.stop()
    return len(found.curve.rates)


def classify(given: Given, lap: Lap) -> int:
    """Compute the probabilities of every image by the exported model, in ONNX Runtime."""
    model = Model(given.onnx.read_bytes(), threads=torch.get_num_threads())
    pixels = given.examples.pixels.numpy()
    size = given.work.batch_size
    model.probabilities(pixels[:size], batch_size=size)  # warms up
    lap.start()
    answers = model.probabilities(pixels, batch_size=size)
    lap.stop()
    return len(answers)


def _body(given: Given) -> nn.Module:
    weights = body_weights(given.architecture, given.weights)
    return laid_out(build_body(given.architecture, weights), channels_last=True)


def _head(given: Given) -> nn.Linear:
    prefix = f"{given.architecture.head}."
    weights: dict[str, Tensor] = {
        name.removeprefix(prefix): value
        for name, value in given.weights.items()
        if name.startswith(prefix)
    }
    num_classes, num_features = weights["weight"].shape
    new = new_head(num_features, num_classes, seed=0)
    new.load_state_dict(weights)
    return new


def _activations(given: Given, body: nn.Module) -> ActivationExamples:
    pixels = given.examples.pixels.numpy()
    views = Augmentation(0.0, 1.0, horizontal_flip=False, vertical_flip=False)
    frozen = FrozenBody(body, given.engine, given.examples.prepare.normalise, views, num_views=1)
    keys = square_keys(pixels, range(len(pixels)))
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder, "activations.npy")
        num_features = _head(given).in_features
        write_activations(into, frozen, pixels, keys, num_features=num_features)
        return ActivationExamples(torch.from_numpy(np.load(into)), given.examples.labels)
