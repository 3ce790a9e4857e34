"""A training as the tensors of a checkpoint, and back: weights, optimizer, steps, epochs."""

import math
from dataclasses import astuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lradapt.training.checkpoint import Tensors
from lradapt.training.records import Epoch, Step
from lradapt.training.scoring import Score

_WEIGHTS, _OPTIMIZER = "weights/", "optimizer/"


def state_of(
    model: nn.Module, optimizer: Optimizer, steps: list[Step], epochs: list[Epoch]
) -> dict[str, Tensor]:
    """Return all of a training that does not follow from the number of its step."""
    return {
        **_prefixed(_WEIGHTS, model.state_dict()),
        **_prefixed(_OPTIMIZER, _optimizer_state(optimizer)),
        **_steps_and_epochs(steps, epochs),
    }


def load_state(state: Tensors, model: nn.Module, optimizer: Optimizer) -> None:
    """Give `model` and `optimizer` the weights and the averages of a state."""
    model.load_state_dict(_part(state, _WEIGHTS))
    _set_optimizer_state(optimizer, _part(state, _OPTIMIZER))


def _prefixed(prefix: str, tensors: Tensors) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in tensors.items()}


def _part(tensors: Tensors, prefix: str) -> dict[str, Tensor]:
    found = {name: value for name, value in tensors.items() if name.startswith(prefix)}
    return {name.removeprefix(prefix): value for name, value in found.items()}


def like(tensors: Tensors, models: Tensors) -> dict[str, Tensor]:
    """Return copies of `tensors` on the devices and in the memory formats of `models`."""
    return {name: torch.empty_like(models[name]).copy_(value) for name, value in tensors.items()}


def _parameters(optimizer: Optimizer) -> dict[str, Tensor]:
    own = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return {str(number): parameter for number, parameter in enumerate(own)}


def _optimizer_state(optimizer: Optimizer) -> dict[str, Tensor]:
    """Return what the optimizer knows of each parameter, by its place: momentum, averages, step."""
    return {
        f"{name}/{key}": value
        for name, parameter in _parameters(optimizer).items()
        for key, value in optimizer.state[parameter].items()
        if value is not None
    }


def _set_optimizer_state(optimizer: Optimizer, state: Tensors) -> None:
    parameters = _parameters(optimizer)
    for name, value in state.items():
        place, key = name.split("/")
        parameter = parameters[place]
        own = like({place: value}, parameters)[place] if value.dim() else value.clone()
        optimizer.state[parameter][key] = own.detach().to(_device(optimizer, parameter, own))


def _device(optimizer: Optimizer, parameter: Tensor, value: Tensor) -> torch.device:
    """Return where a value lies: a count of steps on the CPU, unless the optimizer is fused."""
    is_count = not value.dim() and not optimizer.defaults.get("fused")
    return torch.device("cpu") if is_count else parameter.device


def _steps_and_epochs(steps: list[Step], epochs: list[Epoch]) -> dict[str, Tensor]:
    """Return steps and epochs as tensors in double precision, which loses no bit of them."""
    found = [epoch.validation or Score(*[math.nan] * 5) for epoch in epochs]
    scores = [astuple(score) for score in found]
    return {
        "losses": torch.tensor([step.loss for step in steps], dtype=torch.float64),
        "rates": torch.tensor([step.rates for step in steps], dtype=torch.float64),
        "epoch_steps": torch.tensor([len(epoch.steps) for epoch in epochs], dtype=torch.int64),
        "scores": torch.tensor(scores, dtype=torch.float64).view(len(epochs), 5),
    }


def read_steps_and_epochs(state: Tensors) -> tuple[list[Step], list[Epoch]]:
    """Return the steps and epochs in a state."""
    lines = zip(state["rates"].tolist(), state["losses"].tolist(), strict=True)
    steps = [Step(number, tuple(rates), loss) for number, (rates, loss) in enumerate(lines)]
    epochs: list[Epoch] = []
    lengths, scores = state["epoch_steps"].tolist(), state["scores"].tolist()
    rest = iter(steps)
    for number, (length, score) in enumerate(zip(lengths, scores, strict=True)):
        own = tuple(next(rest) for _ in range(length))
        epochs.append(Epoch(number, own, None if math.isnan(score[0]) else Score(*score)))
    return steps, epochs
