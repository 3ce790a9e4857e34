"""torch-lr-finder's range test."""

import contextlib
import os

import torch
from torch import nn
from torch_lr_finder import LRFinder

from benchmarks.peers.inputs import Given
from benchmarks.peers.loader import loader
from benchmarks.peers.measurement import Lap
from benchmarks.peers.networks import in_precision, two_parts
from benchmarks.peers.work import L2, MOMENTUM, SWEEP


def sweep(given: Given, lap: Lap) -> int:
    """Run a range test of the head with the body frozen by hand."""
    start_lr, end_lr = SWEEP
    parts = two_parts(given, frozen=True, channels_last=True)
    model = in_precision(parts, given.work.precision)
    optimizer = torch.optim.SGD(model.head.parameters(), start_lr, MOMENTUM, weight_decay=L2)
    finder = LRFinder(model, optimizer, nn.CrossEntropyLoss(), device="cpu")
    batches = loader(given.examples, given.work.batch_size, channels_last=True)
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        lap.start()
        finder.range_test(
            batches, end_lr=end_lr, num_iter=given.work.count, diverge_th=float("inf")
        )
        lap.stop()
    return len(finder.history["lr"])
