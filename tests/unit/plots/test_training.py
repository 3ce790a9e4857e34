import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from lradapt.plots.schedule import _draw as _draw_schedule
from lradapt.plots.schedule import schedule_plot
from lradapt.plots.training import _draw, cycle_ends, training_plot
from lradapt.training.schedules import cosine_cycles


@pytest.mark.parametrize("cycles", [[4], [2, 2, 2], [3, 6, 12]])
def test_the_ends_of_cycles_are_found_from_the_rates(cycles):
    factor = cosine_cycles(cycles)
    rates = [factor(step) for step in range(sum(cycles))]
    steps = pd.DataFrame({"step": range(len(rates)), "lr_early": rates, "loss": 1.0})
    expected = [sum(cycles[: number + 1]) for number in range(len(cycles))]
    assert cycle_ends(steps) == expected


def test_the_ends_of_cycles_are_found_where_the_early_layers_are_frozen():
    steps = pd.DataFrame({"lr_early": [0.0] * 4, "lr_head": [1.0, 0.5, 1.0, 0.9]})
    assert cycle_ends(steps) == [2, 4]


def test_frozen_layers_do_not_stretch_the_axis_of_the_rates():
    steps = pd.DataFrame({"step": [0, 1], "lr_early": [0.0, 0.0], "lr_head": [1e-2, 5e-3]})
    figure = Figure()
    _draw_schedule(figure, steps)
    assert figure.axes[0].get_ylim()[0] == pytest.approx(1e-4)


def test_the_legend_says_which_layers_are_frozen_in_place_of_a_line_that_nobody_can_see():
    steps = pd.DataFrame({"step": [0, 1], "lr_early": [0.0, 0.0], "lr_head": [1e-2, 5e-3]})
    figure = Figure()
    _draw_schedule(figure, steps)
    frozen, head = figure.axes[0].get_lines()
    assert (frozen.get_label(), frozen.get_linestyle()) == ("early: frozen", "None")
    assert (head.get_label(), head.get_linestyle()) == ("head", "--")


def test_an_unfinished_cycle_ends_with_the_last_step():
    steps = pd.DataFrame({"lr_head": [1.0, 0.5, 1.0, 0.9]})
    assert cycle_ends(steps) == [2, 4]


def test_the_plot_of_a_long_training_is_small():
    size = 100_000
    factor = cosine_cycles([size // 10] * 10)
    noise = np.random.default_rng(0).random(size)
    rates = [factor(step) for step in range(size)]
    steps = pd.DataFrame({"step": range(size), "lr_a": rates, "lr_b": rates, "loss": noise})
    epochs = pd.DataFrame({"epoch": range(1, 11), "train_loss": 0.5, "validation_loss": 0.5})
    training = training_plot(steps, epochs.assign(validation_accuracy=0.9)).svg(alt="")
    assert len(training) < 100_000
    assert len(schedule_plot(steps).svg(alt="")) < 200_000


def test_the_loss_of_a_short_training_is_drawn_step_by_step():
    steps = pd.DataFrame({"lr_a": [1.0, 0.5], "loss": [3.0, 1.0]})
    epochs = pd.DataFrame(
        {
            "epoch": [1],
            "train_loss": [2.0],
            "validation_loss": [None],
            "validation_accuracy": [None],
        }
    )
    line = [(0.25, 3.0), (0.75, 1.0)]
    assert drawn(steps, epochs) == line


def drawn(steps, epochs):
    """The points of the pale line."""
    figure = Figure()
    _draw(figure, steps, epochs)
    return [tuple(map(float, point)) for point in figure.axes[0].lines[0].get_xydata()]
