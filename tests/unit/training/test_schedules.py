import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

from lradapt.training.schedules import cosine, cosine_cycles, geometric, growing_cycles


def test_cosine_falls_from_one_to_zero():
    assert [round(cosine(t / 4), 4) for t in range(5)] == [1.0, 0.8536, 0.5, 0.1464, 0.0]


def test_growing_cycles_double():
    assert growing_cycles(first=1, growth=2, count=4) == [1, 2, 4, 8]
    assert growing_cycles(first=3, growth=1, count=3) == [3, 3, 3]


@pytest.mark.parametrize(("growth", "count"), [(1, 6), (2, 4)])
def test_cosine_cycles_agree_with_torch(growth, count):
    first = 7
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = CosineAnnealingWarmRestarts(optimizer, T_0=first, T_mult=growth)
    cycles = growing_cycles(first=first, growth=growth, count=count)
    factor = cosine_cycles(cycles)
    for step in range(sum(cycles)):
        assert factor(step) == pytest.approx(reference.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        reference.step()


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6))
def test_factor_stays_within_zero_and_one(cycles):
    factor = cosine_cycles(cycles)
    factors = [factor(step) for step in range(sum(cycles))]
    assert min(factors) >= 0
    assert max(factors) == factors[0] == 1


def test_a_step_after_the_last_cycle_is_refused():
    with pytest.raises(ValueError, match="step 3 is outside the schedule of 3 steps"):
        cosine_cycles([1, 2])(3)


@pytest.mark.parametrize("cycles", [[], [0], [3, -1]])
def test_cycles_without_steps_are_refused(cycles):
    with pytest.raises(ValueError, match="at least 1 step"):
        cosine_cycles(cycles)


def test_geometric_rises_in_equal_ratios_to_its_end():
    factor = geometric(start=0.001, end=1.0, num_steps=4)
    assert [factor(step) for step in range(4)] == pytest.approx([0.001, 0.01, 0.1, 1.0])


@pytest.mark.parametrize("wrong", [{"start": 0.0}, {"start": 2.0}, {"num_steps": 1}])
def test_geometric_names_what_it_expects(wrong):
    with pytest.raises(ValueError, match="0 < start < end"):
        geometric(**{"start": 0.1, "end": 1.0, "num_steps": 10, **wrong})
