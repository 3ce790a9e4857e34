"""Which labelled images take part, and in which split; and why the others do not take part.

All problems of the data are found first (`run_checks`). Then the policies of `check.policies`
decide for each kind: stop, set the images aside, or keep them with a warning. A changed policy or
label decodes no image again. `consider` is the one place that decides whether a training is
refused: stage `split`, `lradapt check` and `lradapt import` all ask it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from lradapt.data.checks.findings import Finding, Rules, explain_stops, warnings
from lradapt.data.checks.run_checks import CheckResult, run_checks
from lradapt.data.groups import mark_joined
from lradapt.data.images.image_table import ImageRow
from lradapt.data.images.looks import Looks
from lradapt.data.images.near_duplicates import Pairs
from lradapt.data.labelled_image import TEST, TRAIN, VALIDATION, LabelledImage, in_split
from lradapt.data.split import assign_splits, validation_from_train
from lradapt.errors import DataError
from lradapt.text import printable


@dataclass(frozen=True, slots=True)
class Admission:
    """The result of `consider`.

    Attributes:
        images: those that take part, in the order of the pixels, each in a split.
        set_aside: image -> why it was set aside.
        findings: all problems, whatever their policies.
        warnings: sentences for the report.
        refusal: why nothing may be trained on these data; "" where a training is possible.
    """

    images: list[LabelledImage]
    set_aside: dict[str, Finding]
    findings: list[Finding]
    warnings: list[str]
    refusal: str


def require_training(admission: Admission) -> None:
    """Raise where nothing may be trained on the data.

    Raises:
        DataError: a training is refused; the message names all reasons.
    """
    if admission.refusal:
        raise DataError(admission.refusal)


def consider(
    images: Sequence[ImageRow],
    labels: Sequence[LabelledImage],
    near: Pairs,
    rules: Rules,
    *,
    train_per_test: float,
    validation_share: float,
    looks: Looks | None = None,
) -> Admission:
    """Check the data, set aside what must not take part, assign the splits, and judge the result.

    A training is refused for findings whose policy is `stop`, fewer than two classes, or an empty
    split.

    Args:
        images: see `run_checks`, as for the next three.
        labels: the lines of `labels.csv`.
        near: pairs of `images` that look alike, see `near_duplicates.near_pairs`.
        rules: limits and policies.
        train_per_test: see `split.assign_splits`.
        validation_share: the same.
        looks: see `run_checks`.
    """
    checked = run_checks(images, labels, near, rules, looks)
    admitted = _with_joined(checked, _with_splits(checked, train_per_test, validation_share))
    missing = _missing_classes(checked.images, checked.set_aside) or _empty_splits(admitted)
    stops = explain_stops(checked.findings, rules.policies)
    reported = {finding.subject for finding in checked.findings if finding.kind == "few_groups"}
    return Admission(
        admitted,
        checked.set_aside,
        checked.findings,
        [
            printable(warning)
            for warning in (
                *warnings(checked.findings, rules.policies),
                *_class_warnings(admitted, reported),
                *_near_across_splits(admitted, checked.findings),
            )
        ],
        "\n".join(reason for reason in (stops, missing) if reason),
    )


def _with_splits(
    checked: CheckResult, train_per_test: float, validation_share: float
) -> list[LabelledImage]:
    """Return the images with their splits: as given, or assigned where none is given."""
    images, seen, share = checked.images, checked.seen, validation_share
    if any(image.split == VALIDATION for image in images):
        return images
    if not any(image.split for image in images):
        splits = assign_splits(images, seen, train_per_test=train_per_test, validation_share=share)
        return [replace(image, split=s) for image, s in zip(images, splits, strict=True)]
    train = in_split(images, TRAIN)
    splits = validation_from_train(train, seen, validation_share=share)
    split_of = {image.image: s for image, s in zip(train, splits, strict=True)}
    return [replace(image, split=split_of.get(image.image, image.split)) for image in images]


def _with_joined(checked: CheckResult, admitted: list[LabelledImage]) -> list[LabelledImage]:
    """Mark the groups that images which were set aside join; one without a group joins none."""
    names = {image.image for image in admitted}
    aside = [image for image in checked.seen if image.group and image.image not in names]
    return mark_joined(admitted, aside) if aside else admitted


def _missing_classes(images: Sequence[LabelledImage], set_aside: Mapping[str, Finding]) -> str:
    classes = Counter(image.label for image in images)
    if len(classes) >= 2:
        return ""
    reasons = Counter(finding.detail for finding in set_aside.values()).most_common(5)
    found = ", ".join(f"{label} ({count} images)" for label, count in classes.items()) or "none"
    aside = "".join(f"; set aside: {count} x {reason}" for reason, count in reasons)
    return f"expected at least 2 classes with usable images, found {found}{aside}"


def _empty_splits(images: Sequence[LabelledImage]) -> str:
    empty = [split for split in (TRAIN, TEST) if not in_split(images, split)]
    if not empty:
        return ""
    return (
        f"no image in the {' and '.join(empty)} split: a class needs at least 2 groups "
        "(images, patients or lesions) to be in both train and test; a column split in "
        "labels.csv must name both"
    )


def _class_warnings(images: Sequence[LabelledImage], reported: Set[str]) -> list[str]:
    """Return a warning for each class that misses train or test, but for those in `reported`."""
    warnings = []
    for label in sorted({image.label for image in images} - reported):
        splits = Counter(image.split for image in images if image.label == label)
        if not splits[TEST]:
            warnings.append(
                f"class {label}: {splits.total()} image(s), none in test (fewer than two groups of "
                "its own): it is trained on, but not evaluated"
            )
        if not splits[TRAIN]:
            warnings.append(
                f"class {label}: {splits.total()} image(s), none in train: it is evaluated, but "
                "not trained on"
            )
    return warnings


def _near_across_splits(images: Sequence[LabelledImage], findings: Sequence[Finding]) -> list[str]:
    in_test = {image.image: image.split == TEST for image in images}
    pairs = [(f.subject, *f.beside) for f in findings if f.kind == "near_duplicate"]
    across = [pair for pair in pairs if len({in_test.get(name) for name in pair} - {None}) == 2]
    if not across:
        return []
    return [
        f"{len(across)} of {len(pairs)} pairs of near duplicates have one image in test and one "
        f"outside it, such as {' and '.join(across[0])}: the test results may be too good"
    ]
