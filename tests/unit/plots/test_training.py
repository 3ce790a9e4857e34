import pandas as pd
import pytest

from lradapt.plots.training import cycle_ends
from lradapt.schedules import cosine_cycles


@pytest.mark.parametrize("cycles", [[4], [2, 2, 2], [3, 6, 12]])
def test_the_ends_of_cycles_are_read_off_the_rates_as_they_were_run(cycles):
    height = cosine_cycles(cycles)
    rates = [height(step) for step in range(sum(cycles))]
    steps = pd.DataFrame({"step": range(len(rates)), "lr_early": rates, "loss": 1.0})
    expected = [sum(cycles[: number + 1]) for number in range(len(cycles))]
    assert cycle_ends(steps) == expected


def test_a_cycle_that_was_left_early_ends_with_the_last_step():
    steps = pd.DataFrame({"lr_head": [1.0, 0.5, 1.0, 0.9]})
    assert cycle_ends(steps) == [2, 4]
