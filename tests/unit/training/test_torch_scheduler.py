import copy

import pytest
import torch
from torch import nn

from lradapt.training.torch_scheduler import CosineCycles


@pytest.fixture
def optimizer():
    """Of two groups, with peaks of 1 and 10."""
    one, two = nn.Linear(1, 1), nn.Linear(1, 1)
    groups = [{"params": one.parameters(), "lr": 1.0}, {"params": two.parameters(), "lr": 10.0}]
    return torch.optim.SGD(groups)


def run(optimizer, cycles, num_steps):
    """The rates of so many steps."""
    rates = []
    for _ in range(num_steps):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        cycles.step()
    return rates


def test_rates_fall_from_each_groups_peak_and_restart(optimizer):
    cycles = CosineCycles(optimizer, [2, 4])
    rates = run(optimizer, cycles, 6)
    factors = [1.0, 0.5, 1.0, 0.853553, 0.5, 0.146447]
    assert [first for first, _ in rates] == pytest.approx(factors, abs=1e-6)
    assert [last for _, last in rates] == pytest.approx(
        [10 * factor for factor in factors], abs=1e-5
    )
    assert cycles.get_last_lr() == [0.0, 0.0]


def test_the_ends_of_the_cycles_are_known(optimizer):
    cycles = CosineCycles(optimizer, [2, 4])
    assert cycles.cycle_ends == (2, 6)
    seen = []
    for _ in range(6):
        optimizer.step()
        cycles.step()
        seen.append(cycles.last_epoch in cycles.cycle_ends)
    assert seen == [False, True, False, False, False, True]


def test_state_dicts_resume_it(optimizer):
    cycles = CosineCycles(optimizer, [3, 6])
    run(optimizer, cycles, 4)
    saved = optimizer.state_dict(), cycles.state_dict()
    rest = run(optimizer, cycles, 5)
    again = torch.optim.SGD([{"params": nn.Linear(1, 1).parameters()} for _ in range(2)], lr=3.0)
    resumed = CosineCycles(again, [3, 6])
    again.load_state_dict(saved[0])
    resumed.load_state_dict(saved[1])
    assert run(again, resumed, 5) == rest


@pytest.mark.parametrize("first_step", range(10))
def test_the_number_of_the_step_alone_resumes_it(optimizer, first_step):
    fresh = copy.deepcopy(optimizer)
    rates = run(optimizer, CosineCycles(optimizer, [3, 6]), 9)
    resumed = CosineCycles(fresh, [3, 6], first_step=first_step)
    assert run(fresh, resumed, 9 - first_step) == rates[first_step:]
    assert resumed.get_last_lr() == [0.0, 0.0]
