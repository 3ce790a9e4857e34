"""Each period of a record compared with the reference of its version.

Letters: N images of the reference, M of a period, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from lradapt.drift.accuracy import EstimatedAccuracy, estimate_accuracy
from lradapt.drift.class_shift import estimate_shares
from lradapt.drift.false_alarms import Period, level_of_a_test
from lradapt.drift.observed import Integers, Observed, Reference
from lradapt.drift.periods import Span, by_period, first_day
from lradapt.drift.signals import SIGNALS, Signal, compare
from lradapt.recording.read import Recorded

FEWEST = 50
"""Images of a period that is tested."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What the tests of a period found, and what is estimated of it.

    Attributes:
        p_values: of each signal that was tested.
        drifted: the signals whose p-value is at most the level.
        accuracy: estimated without labels.
        shares: the estimated share of each class, `[K]`.
        brightness: median.
        sharpness: median.
    """

    p_values: dict[Signal, float]
    drifted: tuple[Signal, ...]
    accuracy: EstimatedAccuracy
    shares: tuple[float, ...]
    brightness: float
    sharpness: float


@dataclass(frozen=True, slots=True)
class PeriodDrift:
    """A day or a week of a record, compared with the reference.

    Attributes:
        name: such as "2026-W48".
        first: its first day.
        end: the day after its last.
        num_images: answered by the version, each file counted once.
        num_repeated: further answers to the same files.
        num_others: answers of other versions.
        tested: None where the period was not tested.
        reason: why it was not; "" if it was.
        num_groups: that the images belong to; None where the record has no groups of them.
    """

    name: str
    first: date
    end: date
    num_images: int
    num_repeated: int
    num_others: int
    tested: Tested | None
    reason: str
    num_groups: int | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """The periods of a record.

    Attributes:
        version: whose answers were compared.
        period: "day" or "week".
        level: of each test.
        classes: in the order of the shares.
        num_reference: images of the reference.
        accuracy: the model's on the reference.
        shares: of the classes in the reference, `[K]`.
        periods: the earliest first.
        notes: what the record has that was not compared, and why.
    """

    version: str
    period: Period
    level: float
    classes: tuple[str, ...]
    num_reference: int
    accuracy: float
    shares: tuple[float, ...]
    periods: tuple[PeriodDrift, ...]
    notes: tuple[str, ...] = ()

    @property
    def last_tested(self) -> PeriodDrift | None:
        """The last period that was tested; None if none was."""
        return next((each for each in reversed(self.periods) if each.tested), None)

    def ended_last(self, today: date) -> PeriodDrift | None:
        """Return the period before that of today; None if it has no answers."""
        end = first_day(today, self.period)
        return next((each for each in self.periods if each.end == end), None)


def find_drift(
    recorded: Recorded,
    reference: Reference,
    others: Sequence[npt.NDArray[np.datetime64]],
    *,
    period: Period,
    today: date,
    unfinished: bool = False,
) -> Drift:
    """Compare each period of a record with the reference.

    Args:
        recorded: the answers of the version.
        reference: of the same version and classes.
        others: times of the answers of other versions.
        period: "day" or "week".
        today: a period that ends after it is not tested, since each test of it while it grows
            would be one more.
        unfinished: test such periods, too.
    """
    level = level_of_a_test(period, len(SIGNALS))
    other_times = np.concatenate([np.empty(0, "datetime64[ms]"), *others])
    num_others = {span.name: len(rows) for span, rows in by_period(other_times, period)}
    found = []
    usable_N = are_numbers(recorded)
    for span, answered in by_period(recorded.times, period):
        rows = answered[usable_N[answered]]
        once = _first_of_each_file(recorded.sha256, rows)
        groups_M = _groups(recorded, once)
        num_groups = None if groups_M is None else len(np.unique(groups_M))
        tested = None
        reason = _unfinished(span, today, unfinished=unfinished)
        reason = reason or _too_few(len(once), num_groups, reference)
        if not reason:
            tested = _test(_observed(recorded, once), groups_M, reference, level, span)
        counts = (len(once), len(rows) - len(once), num_others.get(span.name, 0))
        found.append(
            PeriodDrift(span.name, span.first, span.end, *counts, tested, reason, num_groups)
        )
    labels, known = reference.labels, reference.observed
    return Drift(
        reference.version,
        period,
        level,
        reference.classes,
        len(known),
        float((known.predicted == labels).mean()),
        tuple(np.bincount(labels, minlength=len(reference.classes)) / len(labels)),
        tuple(found),
    )


def are_numbers(recorded: Recorded) -> npt.NDArray[np.bool_]:
    """Return for each answer whether its probabilities and features are numbers, `[N]`."""
    both_NX = np.concatenate([recorded.probabilities, recorded.features], axis=1)
    return np.asarray(np.isfinite(both_NX).all(axis=1))


def _unfinished(span: Span, today: date, *, unfinished: bool) -> str:
    """Return why a period is not tested yet; "" if it may be."""
    if span.end > today and not unfinished:
        return f"not finished: it ends on {span.end}"
    return ""


def _too_few(num_images: int, num_groups: int | None, reference: Reference) -> str:
    """Return of what there is too little to test a period; "" if there is enough."""
    counts = {"images": num_images}
    if num_groups is not None:
        of_reference = len(np.unique(reference.groups))
        counts |= {"groups": num_groups, "groups of the reference": of_reference}
    few = (f"too few {what}: {count}" for what, count in counts.items() if count < FEWEST)
    return next((f"{each}, expected {FEWEST} or more" for each in few), "")


def _groups(recorded: Recorded, rows: npt.NDArray[np.int64]) -> Integers | None:
    """Return the number of the group of each image, `[M]`; None where the record has no groups.

    An image without a group among others is one of its own.
    """
    groups = [recorded.group_of(row) for row in rows]
    if not any(groups):
        return None
    named = [group or f"alone {number}" for number, group in enumerate(groups)]
    return np.unique(named, return_inverse=True)[1]


def _first_of_each_file(
    sha256: Sequence[str], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the rows without those of a file that an earlier one has.

    A file that is sent again and again, such as that of a health check, is one image.
    """
    first: dict[str, int] = {}
    for row in rows.tolist():
        first.setdefault(sha256[row], row)
    return np.array(list(first.values()), np.int64)


def _observed(recorded: Recorded, rows: npt.NDArray[np.int64]) -> Observed:
    everything = Observed(
        recorded.probabilities, recorded.features, recorded.brightness, recorded.sharpness
    )
    return everything.at(rows)


def _test(
    observed: Observed,
    groups_M: Integers | None,
    reference: Reference,
    level: float,
    span: Span,
) -> Tested:
    seed = (span.first.toordinal(),)
    p_values = compare(reference, observed, level=level, seed=seed, groups_M=groups_M)
    known = reference.observed
    shares = estimate_shares(reference.labels, known.probabilities, observed.probabilities)
    return Tested(
        p_values,
        tuple(signal for signal, p_value in p_values.items() if p_value <= level),
        estimate_accuracy(known.probabilities, reference.labels, observed.probabilities),
        tuple(shares.tolist()),
        float(np.median(observed.brightness)),
        float(np.median(observed.sharpness)),
    )
