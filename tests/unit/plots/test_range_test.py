import pandas as pd
import pytest
from matplotlib.figure import Figure

from lradapt.plots.range_test import _draw
from lradapt.training.history import write_sweeps
from lradapt.training.range_test.curve import make_sweep
from lradapt.training.range_test.rise import smoothed_rises

SWEEPS = [
    make_sweep([1e-5, 1e-4, 1e-3, 1e-2], losses, [0.4, 0.5, 0.6, 0.5])
    for losses in ([0.4, 0.45, 0.7, 6.0], [0.4, 0.5, 0.5, 9.0])
]


@pytest.fixture
def curve(tmp_path):
    write_sweeps(tmp_path / "curve.csv", SWEEPS)
    return pd.read_csv(tmp_path / "curve.csv")


@pytest.fixture
def drawn(curve):
    """A function: the axes of the plot for a rule."""

    def draw(rule):
        figure = Figure()
        _draw(figure, curve, 2e-4, rule)
        return figure.axes[0]

    return draw


@pytest.mark.parametrize("rule", ["edge", None])
def test_most_rules_show_the_ratio_of_the_losses(drawn, rule):
    axes = drawn(rule)
    assert axes.get_ylabel() == "loss / baseline loss"
    for line, sweep in zip(axes.lines, SWEEPS, strict=False):
        assert line.get_ydata() == pytest.approx(sweep.smoothed, rel=1e-5)


def test_the_rule_rise_shows_the_difference_that_it_reads(drawn):
    axes = drawn("rise")
    assert axes.get_ylabel() == "loss - baseline loss, nats"
    for line, sweep in zip(axes.lines, SWEEPS, strict=False):
        assert line.get_ydata() == pytest.approx(smoothed_rises([sweep]), rel=1e-5)


def test_the_divergence_does_not_hide_the_rest(drawn):
    low, high = drawn("rise").get_ylim()
    assert high - low < 1


@pytest.mark.parametrize("rule", ["edge", "rise"])
def test_the_chosen_rate_is_marked(drawn, rule):
    *_, marked = drawn(rule).lines
    assert list(marked.get_xdata()) == [2e-4, 2e-4]
