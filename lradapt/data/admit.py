"""Which labelled images take part in training and exam, and why the others do not.

An image is set aside, by name and reason, when it has no label, could not be decoded, shows the
same pixels as an image with another label, or would straddle a split that was given.
A label without an image stops everything: it is more often a wrong folder than a lost file.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lradapt.data import split
from lradapt.data.ingest import OK, ImageRow
from lradapt.data.labels import Label
from lradapt.data.split_table import SplitRow
from lradapt.errors import DataError, listed


@dataclass(frozen=True, slots=True)
class Admission:
    """What `admit` decided.

    Attributes:
        rows: the images that take part, in the order of the pixels.
        set_aside: image -> reason.
        warnings: sentences for the report.
    """

    rows: list[SplitRow]
    set_aside: dict[str, str]
    warnings: list[str]


def admit(
    images: Sequence[ImageRow],
    labels: Sequence[Label],
    *,
    train_per_validation: float,
    tune_share: float,
) -> Admission:
    """Join images and labels, set aside what must not take part, and assign the sides.

    Names are compared in Unicode's composed form (NFC); macOS writes files in the other.

    Raises:
        DataError: a label without an image, fewer than two classes, or an empty side.
    """
    _require_images(images, labels)
    label_by_name = {_composed(label.image): label for label in labels}
    label_of = {
        row.image: label_by_name[_composed(row.image)]
        for row in images
        if _composed(row.image) in label_by_name
    }
    set_aside = _without_label(images, label_of) | _undecoded(images, label_of)
    rows = _joined(images, label_of, set_aside)
    set_aside |= _contradicting_twins(rows)
    rows = [row for row in rows if row.image not in set_aside]
    given = any(row.side for row in rows)
    if given:
        set_aside |= _straddling(rows)
        rows = [row for row in rows if row.image not in set_aside]
    _require_classes(rows, set_aside)
    if given:
        rows = _with_given_sides(rows, tune_share)
    else:
        sides = split.assign_sides(
            _examples(rows), train_per_validation=train_per_validation, tune_share=tune_share
        )
        rows = [replace(row, side=side) for row, side in zip(rows, sides, strict=True)]
    _require_sides(rows)
    return Admission(rows, dict(sorted(set_aside.items())), _warnings(rows))


def _require_images(images: Sequence[ImageRow], labels: Sequence[Label]) -> None:
    known = {_composed(row.image) for row in images}
    missing = [label.image for label in labels if _composed(label.image) not in known]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(labels)} labels name no file in the images folder; "
            "add the files, or remove the lines from labels.csv:\n" + listed(missing)
        )


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _without_label(images: Sequence[ImageRow], labels: Mapping[str, Label]) -> dict[str, str]:
    return {row.image: "no label" for row in images if row.image not in labels}


def _undecoded(images: Sequence[ImageRow], labels: Mapping[str, Label]) -> dict[str, str]:
    return {row.image: row.verdict for row in images if row.verdict != OK and row.image in labels}


def _joined(
    images: Sequence[ImageRow], labels: Mapping[str, Label], set_aside: Mapping[str, str]
) -> list[SplitRow]:
    return [
        SplitRow(number, row.image, label.label, label.group, row.pixel_sha256, label.side)
        for number, row in enumerate(images)
        if row.image not in set_aside
        for label in [labels[row.image]]
    ]


def _contradicting_twins(rows: Sequence[SplitRow]) -> dict[str, str]:
    twins: defaultdict[str, list[SplitRow]] = defaultdict(list)
    for row in rows:
        twins[row.pixel_sha256].append(row)
    return {
        row.image: "the same pixels under other labels: "
        + ", ".join(f"{twin.image} ({twin.label})" for twin in same if twin.label != row.label)
        for same in twins.values()
        if len({twin.label for twin in same}) > 1
        for row in same
    }


def _straddling(rows: Sequence[SplitRow]) -> dict[str, str]:
    """Of a given split, the images whose group or twin stands on a side that judges theirs."""
    judging = (split.VALIDATION, split.TUNE, split.TRAIN)
    return {
        rows[member].image: f"its group or its pixels stand in {side} (side was given)"
        for group in split.find_groups(_examples(rows))
        for side in [min((rows[member].side for member in group.members), key=judging.index)]
        for member in group.members
        if rows[member].side != side
    }


def _with_given_sides(rows: Sequence[SplitRow], tune_share: float) -> list[SplitRow]:
    if any(row.side == split.TUNE for row in rows):
        return list(rows)
    training = [row for row in rows if row.side == split.TRAIN]
    sides = split.tune_from_train(_examples(training), tune_share=tune_share)
    side_of = {row.row: side for row, side in zip(training, sides, strict=True)}
    return [replace(row, side=side_of.get(row.row, row.side)) for row in rows]


def _examples(rows: Sequence[SplitRow]) -> list[split.Example]:
    return [split.Example(row.label, row.pixel_sha256, row.group) for row in rows]


def _require_classes(rows: Sequence[SplitRow], set_aside: Mapping[str, str]) -> None:
    classes = Counter(row.label for row in rows)
    if len(classes) >= 2:
        return
    reasons = Counter(set_aside.values()).most_common(5)
    found = ", ".join(f"{label} ({count} images)" for label, count in classes.items()) or "none"
    aside = "".join(f"; set aside: {count} x {reason}" for reason, count in reasons)
    raise DataError(f"expected at least 2 classes with usable images, found {found}{aside}")


def _require_sides(rows: Sequence[SplitRow]) -> None:
    sides = Counter(row.side for row in rows)
    empty = [side for side in (split.TRAIN, split.VALIDATION) if not sides[side]]
    if empty:
        raise DataError(
            f"no image on the side {' or '.join(empty)}: every class needs at least 2 groups "
            "(images, patients or lesions) for one to be examined; where labels.csv has a column "
            "side, it must name both"
        )


def _warnings(rows: Sequence[SplitRow]) -> list[str]:
    warnings = []
    for label in sorted({row.label for row in rows}):
        sides = Counter(row.side for row in rows if row.label == label)
        if not sides[split.VALIDATION]:
            warnings.append(
                f"class {label}: {sides.total()} image(s), none in validation (fewer than two "
                "groups of its own): it is trained, but the exam cannot judge it"
            )
        if not sides[split.TRAIN]:
            warnings.append(
                f"class {label}: {sides.total()} image(s), none to learn from: it is examined, "
                "but the model has never seen it"
            )
    return warnings
