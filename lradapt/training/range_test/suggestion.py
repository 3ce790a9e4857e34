"""The rate that the sweeps of a range test suggest together, or why they suggest none."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lradapt.errors import TrainingError
from lradapt.training.range_test.curve import Curve, Sweep, log_ratios, mean_sweep
from lradapt.training.range_test.rise import RISE, read_rise
from lradapt.training.range_test.rules import RULES

log = logging.getLogger(__name__)

RULE_NAMES = (*RULES, RISE)
LEAST_STEPS = 10
"""A rate cannot be read off fewer steps."""
LEAST_FALL = 0.02
"""A curve whose smoothed loss falls by less than this share of its start shows nothing."""
MOST_SPREAD = 3.0
"""Sweeps whose suggestions' quartiles are further apart than this factor do not agree."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The rate that several sweeps suggest together, and the lowest and highest of one alone.

    Attributes:
        refusal: why the sweeps suggest nothing, where the given rate is used instead.
    """

    rate: float
    lowest: float
    highest: float
    refusal: str = ""


def given(rate: float, refusal: str = "") -> Suggestion:
    """Return a rate that a person has chosen in place of the sweeps' suggestion."""
    return Suggestion(rate, rate, rate, refusal)


def suggest(sweeps: Sequence[Sweep], rule: str) -> Suggestion:
    """Return what the rule suggests for the mean curve, and the range over the single curves.

    On a few sweeps of an unfrozen network the mean curve's rate spreads less from seed to seed than
    the median of the single rates (docs/log.md).

    Raises:
        TrainingError: no rate can be read off half of the curves or more, or the rates of the
            others do not agree.
    """
    clear, rates, refusals = [], [], []
    for sweep in sweeps:
        try:
            rates.append(_read_off([sweep], rule))
            clear.append(sweep)
        except TrainingError as refusal:
            refusals.append(refusal)
    if len(refusals) >= len(rates):
        raise TrainingError(f"{len(refusals)} of {len(sweeps)} sweeps refused: {refusals[0]}")
    _require_agreement(rates)
    return Suggestion(_read_off(clear, rule), min(rates), max(rates))


def suggest_or_given(
    sweeps: Sequence[Sweep], rule: str, rate: float, *, strict: bool
) -> Suggestion:
    """Return the result of `suggest`; where it refuses, log why and return the given rate.

    Raises:
        TrainingError: it refuses, and `strict` is set.
    """
    try:
        return suggest(sweeps, rule)
    except TrainingError as refusal:
        if strict:
            raise
        log.warning("%s; the given rate, %g, is used instead", refusal, rate)
        return given(rate, str(refusal))


def _read_off(sweeps: Sequence[Sweep], rule: str) -> float:
    sweep = mean_sweep(sweeps)
    smoothed = np.array(sweep.smoothed)
    if len(smoothed) < LEAST_STEPS:
        raise TrainingError(
            f"the range test ended after {len(smoothed)} steps, expected {LEAST_STEPS} or more; "
            "lower its start_lr if it diverged, else raise its num_steps"
        )
    if rule == RISE:
        return read_rise(sweeps)
    _require_fall(smoothed)
    _require_signal(log_ratios(sweep.losses, sweep.baseline), np.log(smoothed))
    return sweep.rates[RULES[rule](np.log(sweep.rates), smoothed)]


def _require_fall(smoothed: Curve) -> None:
    fall = 1 - smoothed.min() / smoothed[0]
    if fall < LEAST_FALL:
        raise TrainingError(
            f"the range test is flat: the loss fell by {fall:.1%}, expected {LEAST_FALL:.0%} or "
            "more; raise its end_lr, or check the labels: the images may not show them"
        )


def _require_signal(ratios: Curve, smoothed: Curve) -> None:
    lowest = int(np.argmin(smoothed))
    fall, noise = smoothed[0] - smoothed[lowest], float(np.std((ratios - smoothed)[: lowest + 1]))
    if noise > fall:
        raise TrainingError(
            f"the range test is noisy: the loss strays by {noise:.1%} from its smoothed curve, "
            f"expected less than that curve's fall, {fall:.1%}; raise the batch_size, or its end_lr"
        )


def _require_agreement(rates: Sequence[float]) -> None:
    low, high = np.exp(np.quantile(np.log(rates), [0.25, 0.75]))
    if high > MOST_SPREAD * low:
        raise TrainingError(
            f"the range test is noisy: its {len(rates)} sweeps suggest {min(rates):.2g} to "
            f"{max(rates):.2g}, with quartiles {low:.2g} and {high:.2g}, expected a factor of "
            f"{MOST_SPREAD:g} or less between these; raise its num_steps, or the batch_size"
        )
