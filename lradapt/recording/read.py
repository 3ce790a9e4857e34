"""Reading a record: the answers of a span of time, as arrays, for each version by itself.

Letters of shapes: N answers, K classes, D features.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lradapt.recording.lines import Answered, Floats, Header, LineError, read_answer, read_header
from lradapt.recording.names import ALL_DAYS, may_have
from lradapt.runtime.progress import tracked

Times = npt.NDArray[np.datetime64]


class RecordFiles(Protocol):
    """Where a record is; `lradapt.registry.open_record` returns it."""

    @property
    def location(self) -> str:
        """For messages."""
        ...

    def list(self, prefix: str) -> list[str]:
        """Return the names that begin with `prefix`, sorted."""
        ...

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if there is none, such as one that was too old."""
        ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """The answers of one version, in the order of their times.

    Attributes:
        times: of the answers in UTC, datetime64[ms], `[N]`.
        sha256: of the files of the images.
        version: of the model.
        classes: in the order of the probabilities.
        probabilities: `[N, K]`.
        features: `[N, D]`, rounded to float16; `[N, 0]` where the model gives none.
        brightness: `[N]`, see `lradapt.data.images.looks`.
        sharpness: `[N]`.
        segments: the segment of each answer; empty if not from a record.
        unlike: `[N]`, NaN where the model did not say; None if never.
        unsure: of each answer, None where the model did not say; None if never.
        groups: a pseudonym of what each image belongs to, "" without one; None if never.
    """

    times: Times
    sha256: tuple[str, ...]
    version: str
    classes: tuple[str, ...]
    probabilities: Floats
    features: Floats
    brightness: Floats
    sharpness: Floats
    segments: tuple[str, ...] = ()
    unlike: Floats | None = None
    unsure: tuple[tuple[str, ...] | None, ...] | None = None
    groups: tuple[str, ...] | None = None

    def __len__(self) -> int:
        """Return N."""
        return len(self.times)

    def group_of(self, row: int) -> str:
        """Return the group of an answer, "" without one."""
        return self.groups[row] if self.groups else ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a record has of a span of time.

    Attributes:
        recorded: of each version that answered, the earliest first.
        faults: what was skipped: a line that a kill has cut, or that is damaged; with its place.
    """

    recorded: tuple[Recorded, ...]
    faults: tuple[str, ...]


def read_record(
    place: RecordFiles, since: datetime | None = None, until: datetime | None = None
) -> Reading:
    """Return the answers from `since` to before `until`; None: no limit.

    Args:
        place: `lradapt.registry.open_record(location)`.
        since: with a time zone.
        until: likewise.

    Raises:
        LradaptError: the place does not answer, or does not permit it.
    """
    faults: list[str] = []
    parts: dict[Header, list[tuple[Answered, str]]] = {}
    names = [name for name in place.list(ALL_DAYS) if may_have(name, since, until)]
    with tracked(names, "record", total=len(names), unit="segments") as shown:
        for name in shown:
            content = place.read(name)
            for header, answered in read_segment(content or b"", name, faults):
                if _is_within(answered.time, since, until):
                    parts.setdefault(header, []).append((answered, name))
    found = [_joined(header, answers) for header, answers in parts.items()]
    return Reading(tuple(sorted(found, key=lambda each: each.times[0])), tuple(faults))


def read_segment(content: bytes, name: str, faults: list[str]) -> Iterator[tuple[Header, Answered]]:
    """Yield the answers of a segment; what cannot be read is skipped, with a fault for each line.

    Args:
        content: of the file.
        name: of the segment, for the faults.
        faults: to which the faults are added.
    """
    *lines, rest = content.split(b"\n")
    header: Header | None = None
    for number, line in enumerate(lines, start=1):
        try:
            if header is None:
                header = read_header(line)
            else:
                yield header, read_answer(line, header)
        except LineError as error:
            faults.append(f"{name}, line {number}: {error}")
            if header is None:
                return
    if rest:
        faults.append(f"{name}, line {len(lines) + 1}: cut off")


def _is_within(time: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or time >= since) and (until is None or time < until)


def _joined(header: Header, answers: Sequence[tuple[Answered, str]]) -> Recorded:
    ordered = sorted(answers, key=lambda pair: pair[0].time)
    rows = [answered for answered, _ in ordered]
    recorded = Recorded(
        np.array([_naive(row.time) for row in rows], "datetime64[ms]"),
        tuple(row.sha256 for row in rows),
        header.version,
        header.classes,
        np.stack([row.probabilities for row in rows]),
        np.stack([row.features for row in rows]),
        np.array([row.brightness for row in rows], np.float32),
        np.array([row.sharpness for row in rows], np.float32),
        tuple(name for _, name in ordered),
    )
    unlike = np.array([np.nan if row.unlike is None else row.unlike for row in rows], np.float32)
    unsure, groups = tuple(row.unsure for row in rows), tuple(row.group for row in rows)
    return replace(
        recorded,
        unlike=unlike if any(row.unlike is not None for row in rows) else None,
        unsure=unsure if any(each is not None for each in unsure) else None,
        groups=groups if any(groups) else None,
    )


def _naive(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(tzinfo=None)  # numpy's times have no zone
