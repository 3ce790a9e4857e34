import numpy as np
import pytest

from lradapt.training.range_test.divergence import divergence


def first_diverged(losses, baseline):
    """Return the number of the step that ends the sweep; None where none does."""
    diverged = divergence()
    steps = zip(losses, baseline, strict=True)
    return next((number for number, step in enumerate(steps) if diverged(*step)), None)


def test_a_loss_a_few_times_its_lowest_does_not():
    assert first_diverged([0.5] * 5 + [1.9] * 50, [0.5] * 55) is None


def test_a_hard_batch_after_an_easy_one_does_not():
    # Batches of 16 images under a solved head: the untrained copy finds the same ones hard.
    losses = [0.005, 0.087, 0.3, 0.011, 0.6]
    assert first_diverged(losses, losses) is None


def test_hard_batches_do_not_hide_a_divergence():
    rng = np.random.default_rng(0)
    baseline = rng.choice([0.005, 0.1, 0.5], 40)
    rises = np.maximum(0, np.geomspace(1e-4, 50, 40))
    step = first_diverged(baseline + rises, baseline)
    assert 0.3 < rises[step] < 5


@pytest.mark.parametrize("lowest", [0.1, 1.0])
@pytest.mark.parametrize("baseline", [0.1, 2.3])
def test_a_mean_loss_of_four_times_its_lowest_ends_the_sweep(lowest, baseline):
    # After 5 steps at 1 and m at 9, the mean is 3.9 for m = 2, and 4.8 for m = 3.
    losses = lowest * np.array([1.0] * 5 + [9.0] * 10)
    assert first_diverged(losses, np.full(15, baseline)) == 5 + 3 - 1


def test_a_loss_of_nearly_nothing_must_rise_by_a_third_of_a_nat():
    losses = [0.001] * 5 + [0.1] * 40
    assert first_diverged(losses, [0.001] * 45) is None
