"""How often the gate promotes which challenger: its errors and its power.

python -m benchmarks.gate errors
python -m benchmarks.gate guessing
python -m benchmarks.gate power --figure docs/images/gate_power.png
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.gate_guessing import KINDS, SETS, share_promoted
from benchmarks.gate_simulation import IMAGES, Rates, Scenario, in_each_class, simulate
from benchmarks.measuring import markdown_table, table_row
from benchmarks.program import run
from lradapt.config.params import load_params
from lradapt.gate.rules import Rules

SIZES = (500, 1257, 5000)
POINTS = (-2, 0, 1, 2, 3, 4, 5)

Draws = Annotated[int, typer.Option(help="Of each scenario.")]
Resamples = Annotated[int, typer.Option(help="Of the bootstrap of each draw.")]
Seed = Annotated[int, typer.Option(help="Of the draws.")]


def errors(draws: Draws = 10_000, resamples: Resamples = 1000, seed: Seed = 0) -> None:
    """Simulate how often the gate promotes a challenger that is not better."""
    rare = [name for name in IMAGES if name != "nv"]
    scenarios = [
        Scenario(name="equal", gains={}),
        Scenario(name="equal, chosen on test", gains={}, chosen_on="test"),
        Scenario(name="2 points worse in each class", gains=in_each_class(-0.02)),
        Scenario(name="2 points worse, all of it in df", gains={"df": -0.14}),
        Scenario(
            name="nv 4 up, the others 3 down", gains=dict.fromkeys(rare, -0.03) | {"nv": 0.04}
        ),
        Scenario(
            name="nv 4 down, the others 3 up", gains=dict.fromkeys(rare, 0.03) | {"nv": -0.04}
        ),
        Scenario(
            name="nv 8 down, the others 3 up", gains=dict.fromkeys(rare, 0.03) | {"nv": -0.08}
        ),
    ]
    _print_table(scenarios, _rules(resamples), draws, seed)


def guessing(draws: Draws = 500, resamples: Resamples = 1000, seed: Seed = 0) -> None:
    """Simulate how often a first model is promoted that guesses, or is right in 80 %."""
    rules = _rules(resamples)
    typer.echo(markdown_table([["test images", *KINDS]]))
    for name, test_set in SETS.items():
        shares = [share_promoted(test_set, kind, rules, draws=draws, seed=seed) for kind in KINDS]
        typer.echo(table_row([name, *(f"{100 * share:.1f} %" for share in shares)]))


def power(
    figure: Annotated[Path | None, typer.Option(help="Where the curves are drawn, PNG.")] = None,
    draws: Draws = 2000,
    resamples: Resamples = 1000,
    seed: Seed = 0,
) -> None:
    """Simulate how often the gate promotes a challenger that is up to 5 points better."""
    scenarios = [
        Scenario(name=f"{points:+d} in each class", gains=in_each_class(points / 100), images=size)
        for size in SIZES
        for points in POINTS
    ]
    found = _print_table(scenarios, _rules(resamples), draws, seed)
    per_size = len(POINTS)
    rates = {size: found[per_size * n :][:per_size] for n, size in enumerate(SIZES)}
    if figure:
        figure.write_bytes(power_png(rates))


def _rules(resamples: int) -> Rules:
    return replace(load_params().gate.rules, num_resamples=resamples)


def _print_table(scenarios: Sequence[Scenario], rules: Rules, draws: int, seed: int) -> list[Rates]:
    titles = "challenger, images, superior, not worse, with floors: superior, not worse, McNemar"
    header = [*titles.split(", "), "disagree"]
    typer.echo(markdown_table([header]))
    found = []
    for scenario in scenarios:
        rates = simulate(scenario, rules, draws=draws, seed=seed)
        found.append(rates)
        cells = [f"{100 * rate:.1f} %" for rate in astuple(rates)]
        typer.echo(table_row([scenario.name, f"{scenario.images:,}", *cells]))
    return found


def power_png(rates: Mapping[int, Sequence[Rates]]) -> bytes:
    """Draw the rates of promotion against the true gain, a curve for each size of the test set."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, policy in zip(panels, ("superior", "not_worse"), strict=True):
        for size, curve in rates.items():
            promoted = [100 * getattr(each, policy) for each in curve]
            axes.plot(POINTS, promoted, marker="o", label=f"{size:,} images")
        axes.set(title=policy, xlabel="true gain in each class, points", ylim=(0, 100))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("promoted, %")
    panels[0].legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()


if __name__ == "__main__":
    run(errors, guessing, power, about=__doc__)
