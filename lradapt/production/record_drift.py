"""The drift of a record: which of its answers are compared, with which version's reference."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from lradapt.config.paths import Paths
from lradapt.drift.false_alarms import LEVEL_OF_A_YEAR, Period
from lradapt.drift.observed import Reference
from lradapt.drift.period_drift import Drift, are_numbers, find_drift
from lradapt.drift.periods import DAYS, first_day
from lradapt.errors import DataError
from lradapt.production.drift_reference import make_reference
from lradapt.recording.read import Reading, Recorded, RecordFiles, read_record
from lradapt.registry.published_version import PublishedVersion
from lradapt.text import printable

NUM_PERIODS = 12
"""That are compared by default."""


def drift_of_record(
    place: RecordFiles,
    version: PublishedVersion,
    paths: Paths,
    *,
    period: Period,
    now: datetime,
    since: date | None = None,
    unfinished: bool = False,
) -> Drift:
    """Compare the answers of a version in a record with its own test and validation images.

    Args:
        place: of the record.
        version: whose answers are compared.
        paths: of the project that has its images.
        period: "day" or "week".
        now: with a time zone.
        since: a day of the first period; by default of the twelfth before this one.
        unfinished: see `find_drift`.

    Raises:
        DataError: the record has no such answers, or of other classes; or the images of the
            version are not here.
    """
    since = since or now.date() - timedelta(days=NUM_PERIODS * DAYS[period])
    since = first_day(since, period)  # a part of a period is not tested for the whole of it
    reading = read_record(place, datetime.combine(since, time(), UTC))
    of_version = _answers_of(version, reading, place.location, since)
    reference = make_reference(version, paths)
    fitting = _that_fit(of_version, reference)
    found = find_drift(
        fitting,
        reference,
        [each.times for each in reading.recorded if each.version != reference.version],
        period=period,
        today=now.date(),
        unfinished=unfinished,
    )
    return replace(found, notes=_notes(reading, of_version, fitting, found, now))


def _answers_of(
    version: PublishedVersion, reading: Reading, location: str, since: date
) -> list[Recorded]:
    """Return the answers of a version, which may be several where they have other classes."""
    name = version.manifest["version"]
    found = [each for each in reading.recorded if each.version == name]
    if found:
        return found
    if not reading.recorded:
        skipped = f"; {len(reading.faults)} lines were skipped" if reading.faults else ""
        raise DataError(
            f"{printable(location)} has no answers since {since}{skipped}: expected a record that "
            "`lradapt serve --record` writes; an older one is read with --since"
        )
    raise DataError(
        f"{printable(location)} has no answers of version {name} since {since}, but of "
        f"{_counted(reading.recorded)}: name one of these versions to compare its answers"
    )


def _counted(recorded: Sequence[Recorded]) -> str:
    counts: Counter[str] = Counter()
    for each in recorded:
        counts[each.version] += len(each)
    return ", ".join(f"{printable(name)} ({count:,})" for name, count in counts.items())


def _that_fit(of_version: Sequence[Recorded], reference: Reference) -> Recorded:
    """Return the answers that have the classes of the model, and its features if any has."""
    num_features = reference.observed.features.shape[1]
    right = [each for each in of_version if each.classes == reference.classes]
    if not right:
        raise DataError(
            f"the record has answers under version {reference.version} with the classes "
            f"{printable(', '.join(of_version[0].classes))}, expected those of the model: "
            f"{printable(', '.join(reference.classes))}. It was written by another model under "
            "the same name; give the record of this one"
        )
    whole = [each for each in right if each.features.shape[1] == num_features]
    return (whole or right)[0]


def _notes(
    reading: Reading,
    of_version: Sequence[Recorded],
    fitting: Recorded,
    found: Drift,
    now: datetime,
) -> tuple[str, ...]:
    """Return a sentence for everything that was not compared."""
    notes = []
    if reading.faults:
        first = printable(reading.faults[0])
        notes.append(f"{len(reading.faults)} lines were skipped, the first is {first}")
    if mixed := [each for each in found.periods if each.num_others]:
        others = [each for each in reading.recorded if each.version != found.version]
        notes.append(
            f"other versions answered in {', '.join(each.name for each in mixed)}, too "
            f"({_counted(others)} in all): only the answers of {found.version} are compared"
        )
    if unfit := sum(len(each) for each in of_version if each is not fitting):
        notes.append(
            f"{unfit} answers under version {found.version} have other classes or features than "
            "its model, and were not compared"
        )
    if broken := int((~are_numbers(fitting)).sum()):
        notes.append(
            f"{broken} answers have a probability or a feature that is not a number, and were not "
            "compared: such a model should not be in production"
        )
    if any(each.tested and "features" not in each.tested.p_values for each in found.periods):
        notes.append(
            "the features were not compared: the record or the model has none, or of another number"
        )
    ahead = fitting.times > np.datetime64(now.astimezone(UTC).replace(tzinfo=None), "ms")
    if ahead.any():
        notes.append(
            f"{ahead.sum()} answers are dated after now, the last {fitting.times[-1]}: the clock "
            "of a server was ahead. They count to the period of their date"
        )
    return (*notes, *_ungrouped(found))


def _ungrouped(found: Drift) -> list[str]:
    """Return what the tests assume of periods without groups; nothing where all have them."""
    tested = [each for each in found.periods if each.tested]
    without = sum(each.num_groups is None for each in tested)
    if not without:
        return []
    return [
        f"no request named a group in {without} of {len(tested)} tested {found.period}s: their "
        "p-values assume independent images, such as one of each patient. Where several show the "
        f"same one, more than {LEVEL_OF_A_YEAR:.0%} of years have a false alarm: name the patient "
        'in the header Lradapt-Group of each request (docs/drift.md, "False alarms")'
    ]
