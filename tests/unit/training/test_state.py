"""The state of an optimizer, as a checkpoint keeps it."""

import pytest
import torch
from torch import nn

from lradapt.training.optimizers import make_optimizer
from lradapt.training.state import load_state, state_of


def _step(model, optimizer):
    optimizer.zero_grad()
    model(torch.ones(4, 8)).square().sum().backward()
    optimizer.step()


def _made(name):
    torch.manual_seed(0)
    model = nn.Linear(8, 3)
    groups = [{"params": list(model.parameters()), "lr": 0.1}]
    return model, make_optimizer(name, groups, momentum=0.9, weight_decay=0.01)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_a_training_goes_on_to_the_same_bits_from_its_state(name):
    model, optimizer = _made(name)
    _step(model, optimizer)
    state = {key: value.clone() for key, value in state_of(model, optimizer, [], []).items()}
    _step(model, optimizer)
    other, resumed = _made(name)
    load_state(state, other, resumed)
    _step(other, resumed)
    assert torch.equal(model.weight, other.weight)


@pytest.mark.parametrize(("fused", "device"), [(True, "meta"), (False, "cpu")])
def test_a_fused_optimizer_counts_its_steps_on_the_device_of_the_parameter(fused, device):
    model = nn.Linear(8, 3, device="meta")
    optimizer = torch.optim.AdamW(model.parameters())
    optimizer.defaults["fused"] = fused
    weights = {f"weights/{name}": value for name, value in model.state_dict().items()}
    load_state({**weights, "optimizer/0/step": torch.tensor(3.0)}, model, optimizer)
    assert optimizer.state[model.weight]["step"].device.type == device
