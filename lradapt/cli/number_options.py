"""Options with a number: a refusal names the range, and NaN and infinity are outside of each."""

import math
from collections.abc import Callable
from typing import Any

import typer

MAX_SECONDS = 30 * 86_400
"""Of an option: the system's clocks of waiting end at 49 days (Windows)."""


def number_option(
    *names: str, least: float, most: float = math.inf, unit: str = "float", **words: Any
) -> Any:
    """Return an option with a finite number.

    Args:
        names: of the option; by default that of the parameter.
        least: the lowest value.
        most: the highest value.
        unit: that the help shows.
        words: for typer, such as `help`.
    """
    shown = f"[x>={least:g}]" if math.isinf(most) else f"[{least:g}<=x<={most:.9g}]"
    return typer.Option(*names, parser=number(least, most), metavar=f"{unit} {shown}", **words)


def number(least: float, most: float = math.inf) -> Callable[[str], float]:
    """Return a function that reads a finite number of this range.

    It raises `typer.BadParameter` with the value and the range.
    """
    ends = f"of at least {least:g}" if math.isinf(most) else f"from {least:g} to {most:.9g}"

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and least <= value <= most):
            raise typer.BadParameter(f"{text}; expected a number {ends}")
        return value

    return parse
