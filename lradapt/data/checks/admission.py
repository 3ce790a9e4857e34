"""Which labelled images take part in training and exam, and why the others do not.

What is wrong with the data is found first, all of it (`examine`). Then the policies of
`check.policies` decide, kind by kind: stop, set the images aside, or keep them and say so. A
changed policy or label decodes nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from lradapt.data import split
from lradapt.data.checks import label_findings
from lradapt.data.checks.findings import Finding, Rules, require_none_stops, set_aside, warnings
from lradapt.data.checks.image_findings import find_image_faults
from lradapt.data.images.ingest import OK, ImageRow
from lradapt.data.images.near_duplicates import Pairs
from lradapt.data.labels import Label
from lradapt.data.split_table import SplitRow
from lradapt.errors import DataError


@dataclass(frozen=True, slots=True)
class Examination:
    """What `examine` found.

    Attributes:
        findings: all of them, whatever the policies say.
        rows: the images that remain, in the order of the pixels; their sides as given.
        set_aside: image -> why it left.
    """

    findings: list[Finding]
    rows: list[SplitRow]
    set_aside: dict[str, Finding]


@dataclass(frozen=True, slots=True)
class Admission:
    """What `admit` decided.

    Attributes:
        rows: the images that take part, in the order of the pixels.
        set_aside: image -> why it left.
        findings: all that is wrong, whatever was done about it.
        warnings: sentences for the report.
    """

    rows: list[SplitRow]
    set_aside: dict[str, Finding]
    findings: list[Finding]
    warnings: list[str]


def examine(
    images: Sequence[ImageRow], labels: Sequence[Label], near: Pairs, rules: Rules
) -> Examination:
    """Join images and labels, and find all that is wrong.

    What has no pixels or no label never remains; other images leave where a policy sets them
    aside, and are then not looked at for the kinds that follow. Under `stop` they remain: so one
    look tells all.

    Args:
        images: the lines of `images.csv`.
        labels: the lines of `labels.csv`.
        near: pairs of `images` that look alike, see `perceptual.near_pairs`.
        rules: limits and policies.
    """
    label_of = label_findings.labels_of(images, labels)
    findings = [
        *find_image_faults(images, min_side=rules.min_side),
        *label_findings.label_without_image(images, labels),
        *label_findings.image_without_label(images, label_of),
    ]
    aside = set_aside(findings, rules.policies)
    rows = _joined(images, label_of, aside)
    for find in (
        label_findings.two_labels,
        label_findings.two_groups,
        label_findings.duplicate,
        lambda rows: label_findings.near_duplicate(rows, near),
        label_findings.straddling,
        label_findings.few_groups,
    ):
        found = find(rows)
        findings += found
        aside |= set_aside(found, rules.policies)
        rows = [row for row in rows if row.image not in aside]
    return Examination(findings, rows, dict(sorted(aside.items())))


def admit(
    images: Sequence[ImageRow],
    labels: Sequence[Label],
    near: Pairs,
    rules: Rules,
    *,
    train_per_test: float,
    validation_share: float,
) -> Admission:
    """Examine the data, set aside what must not take part, and assign the sides.

    Args:
        images: see `examine`, as for the next three.
        labels: the lines of `labels.csv`.
        near: pairs of `images` that look alike, see `perceptual.near_pairs`.
        rules: limits and policies.
        train_per_test: see `split.assign_splits`.
        validation_share: the same.

    Raises:
        DataError: findings whose policy is `stop` (all are named), fewer than two classes, or an
            empty split.
    """
    examined = examine(images, labels, near, rules)
    require_none_stops(examined.findings, rules.policies)
    rows = examined.rows
    _require_classes(rows, examined.set_aside)
    if any(row.split for row in rows):
        rows = _with_given_sides(rows, validation_share)
    else:
        sides = split.assign_splits(
            label_findings.examples(rows),
            train_per_test=train_per_test,
            validation_share=validation_share,
        )
        rows = [replace(row, split=side) for row, side in zip(rows, sides, strict=True)]
    _require_sides(rows)
    told = {finding.subject for finding in examined.findings if finding.kind == "few_groups"}
    return Admission(
        rows,
        examined.set_aside,
        examined.findings,
        [
            *warnings(examined.findings, rules.policies),
            *_warnings(rows, told),
            *_near_across_sides(rows, examined.findings),
        ],
    )


def _joined(
    images: Sequence[ImageRow], labels: Mapping[str, Label], set_aside: Mapping[str, Finding]
) -> list[SplitRow]:
    return [
        SplitRow(number, row.image, label.label, label.group, row.pixel_sha256, label.split)
        for number, row in enumerate(images)
        if row.verdict == OK and row.image in labels and row.image not in set_aside
        for label in [labels[row.image]]
    ]


def _with_given_sides(rows: Sequence[SplitRow], validation_share: float) -> list[SplitRow]:
    if any(row.split == split.VALIDATION for row in rows):
        return list(rows)
    training = [row for row in rows if row.split == split.TRAIN]
    sides = split.validation_from_train(
        label_findings.examples(training), validation_share=validation_share
    )
    split_of = {row.row: side for row, side in zip(training, sides, strict=True)}
    return [replace(row, split=split_of.get(row.row, row.split)) for row in rows]


def _require_classes(rows: Sequence[SplitRow], set_aside: Mapping[str, Finding]) -> None:
    classes = Counter(row.label for row in rows)
    if len(classes) >= 2:
        return
    reasons = Counter(finding.detail for finding in set_aside.values()).most_common(5)
    found = ", ".join(f"{label} ({count} images)" for label, count in classes.items()) or "none"
    aside = "".join(f"; set aside: {count} x {reason}" for reason, count in reasons)
    raise DataError(f"expected at least 2 classes with usable images, found {found}{aside}")


def _require_sides(rows: Sequence[SplitRow]) -> None:
    sides = Counter(row.split for row in rows)
    empty = [side for side in (split.TRAIN, split.TEST) if not sides[side]]
    if empty:
        raise DataError(
            f"no image on the {' or '.join(empty)} split: every class needs at least 2 groups "
            "(images, patients or lesions) for one to be examined; where labels.csv has a column "
            "split, it must name both"
        )


def _warnings(rows: Sequence[SplitRow], told: Set[str]) -> list[str]:
    warnings = []
    for label in sorted({row.label for row in rows} - told):
        sides = Counter(row.split for row in rows if row.label == label)
        if not sides[split.TEST]:
            warnings.append(
                f"class {label}: {sides.total()} image(s), none in test (fewer than two "
                "groups of its own): it is trained, but the exam cannot judge it"
            )
        if not sides[split.TRAIN]:
            warnings.append(
                f"class {label}: {sides.total()} image(s), none to learn from: it is examined, "
                "but the model has never seen it"
            )
    return warnings


def _near_across_sides(rows: Sequence[SplitRow], findings: Sequence[Finding]) -> list[str]:
    examined_of = {row.image: row.split == split.TEST for row in rows}
    pairs = [
        (finding.subject, *finding.beside)
        for finding in findings
        if finding.kind == "near_duplicate"
    ]
    both = [pair for pair in pairs if len({examined_of.get(name) for name in pair} - {None}) == 2]
    if not both:
        return []
    return [
        f"{len(both)} of {len(pairs)} pairs of near duplicates stand in both splits, "
        f"such as {' and '.join(both[0])}: it may be easier than it looks"
    ]
