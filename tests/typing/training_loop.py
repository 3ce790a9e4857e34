"""A user's training loop: `make check` has mypy check that lradapt's types reach it."""

from pathlib import Path
from typing import Any, assert_type

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lradapt import (
    CosineCycles,
    LiveModel,
    RangeTest,
    cached_activations,
    fit_temperature,
    growing_cycles,
    layer_groups,
    open_registry,
    range_test,
)
from lradapt.inference.predict import Prediction


def train(model: nn.Module, head: nn.Module, batches: DataLoader[Any]) -> None:
    """Use every name of docs/library.md in one loop."""
    groups = layer_groups(model, {r"^body\.": 1e-3, "": 1e-2})
    assert_type(groups, list[dict[str, Any]])
    optimizer = torch.optim.SGD(groups, momentum=0.9)
    found = range_test(model, batches, optimizer, num_sweeps=2)
    assert_type(found, RangeTest)
    assert_type(found.suggestion.rate, float)
    assert_type(found.curve.smoothed, tuple[float, ...])
    cycles = CosineCycles(optimizer, growing_cycles(first=len(batches), growth=2, count=3))
    cycles.step()
    assert_type(cycles.cycle_ends, tuple[int, ...])
    assert_type(cached_activations(model, head, batches), TensorDataset)


def use(folder: Path) -> float:
    """Use the model in production."""
    live = LiveModel(open_registry("registry"))
    (prediction,) = live.current().model.classify([folder])
    assert_type(prediction, Prediction)
    return fit_temperature(torch.zeros(3, 2).numpy(), torch.zeros(3, dtype=torch.int64).numpy())


range_test("no module", [], None)  # type: ignore[arg-type]  # reported if the types are lost
